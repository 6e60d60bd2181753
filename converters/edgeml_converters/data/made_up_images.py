"""Made-up images with the statistics of photographs, for calibration where there is no data.

The power of photographs falls with the square of the spatial frequency (D. J. Field, "Relations
between the statistics of natural images and the response properties of cortical cells", 1987), and
their channels go together. Noise has neither: it drives the first layers to other ranges.
"""

import numpy as np

SHARED = 0.8
"""Correlation of each channel with what all channels have in common."""
BRIGHTNESS = (70.0, 180.0)
"""Range of the mean of an image, in pixels of 0..255."""
CONTRAST = (30.0, 80.0)
"""Range of the standard deviation within an image."""


def made_up_image(
    generator: np.random.Generator, height: int, width: int, channels: int
) -> np.ndarray:
    """Return an image, uint8 (height, width, channels), with amplitudes of 1/f."""
    base = _field(generator, height, width)
    own = [_field(generator, height, width) for _ in range(channels)]
    planes = np.stack([SHARED * base + np.sqrt(1 - SHARED**2) * plane for plane in own], axis=-1)
    image = generator.uniform(*BRIGHTNESS) + generator.uniform(*CONTRAST) * planes
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _field(generator: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return a random field (height, width) of mean 0 and deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf  # no mean
    spectrum = np.fft.rfft2(generator.standard_normal((height, width))) / frequency
    field = np.fft.irfft2(spectrum, (height, width))
    return np.asarray(field / max(float(field.std()), np.finfo(np.float64).tiny))
