"""Detection in a folder of photos: a bundle beside a script written by hand."""
