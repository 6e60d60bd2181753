"""Writes small Keras models into a folder: run by TensorFlow's Python."""

import os
import sys
from pathlib import Path

os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND="tensorflow")

import keras
import tensorflow as tf
from keras import layers

FOLDER = Path(sys.argv[1])
keras.utils.set_random_seed(0)


def save(name: str, inputs: object, outputs: object) -> keras.Model:
    """Write one model as ``NAME.keras``."""
    model = keras.Model(inputs, outputs)
    model.save(FOLDER / f"{name}.keras")
    return model


def photos() -> None:
    """Write convolutional networks, with a rescaling before and one channel after."""
    photo = keras.Input((24, 24, 3), name="photo")
    x = layers.Rescaling(1 / 127.5, offset=-1)(photo)
    x = layers.Conv2D(8, 3, strides=2, padding="same")(x)
    skip = layers.ReLU(max_value=6)(layers.BatchNormalization()(x))
    x = layers.Conv2D(16, 3, padding="same", groups=2, activation="swish")(skip)
    x = layers.UpSampling2D(2, interpolation="bilinear")(layers.MaxPooling2D()(x))
    x = layers.Concatenate()([x, skip])
    save("mask", photo, layers.Conv2DTranspose(1, 2, strides=2, name="mask")(x))
    grey = keras.Input((12, 12, 1), name="grey")
    x = layers.Flatten()(layers.MaxPooling2D()(layers.Conv2D(4, 3, activation="relu")(grey)))
    model = save("digits", grey, layers.Dense(10, activation="softmax", name="digit")(x))
    model.save(FOLDER / "digits.h5")
    model.export(FOLDER / "digits_folder", verbose=False)
    whole = (FOLDER / "digits.h5").read_bytes()
    (FOLDER / "cut.h5").write_bytes(whole[: len(whole) // 2])
    model.save_weights(FOLDER / "lone.weights.h5")


def series() -> None:
    """Write recurrent networks and attention."""
    signal = keras.Input((16, 3), name="signal")
    x = layers.Conv1D(8, 3, padding="causal", activation="relu")(signal)
    x = layers.Bidirectional(layers.GRU(6, return_sequences=True))(x)
    x = layers.GRU(5, reset_after=False, go_backwards=True)(x)
    save("gru", signal, layers.Dense(4, name="class")(x))
    save("lstm", signal, layers.Dense(4, name="class")(layers.LSTM(6)(signal)))
    save("masked", signal, layers.GRU(4)(layers.Masking()(signal)))
    tokens = keras.Input((10,), dtype="int32", name="tokens")
    x = layers.Embedding(1000, 16)(tokens)
    x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(2, 8)(x, x)]))
    x = layers.GlobalAveragePooling1D()(layers.Dense(16, activation="gelu")(x))
    save("attention", tokens, layers.Dense(3, name="logits")(x))


def others() -> None:
    """Write what has names of its own, free sizes, or code."""
    first, second = keras.Input((4,), name="first"), keras.Input((6,), name="second")
    both = layers.Dense(3)(layers.Concatenate()([first, second]))
    save("named", {"b": second, "a": first}, {"total": both, "first": layers.Dense(2)(second)})
    free = keras.Input((None, None, 3), name="photo")
    save("free", free, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(free)))
    values = keras.Input((3,), name="values")
    model = save("code", values, layers.Lambda(lambda x: x * 2)(values))
    model.save(FOLDER / "code.h5")
    module = tf.Module()
    module.read = tf.function(
        lambda x: x * tf.cast(tf.strings.length(tf.io.read_file("secret")), tf.float32),
        input_signature=[tf.TensorSpec([None, 3])],
    )
    tf.saved_model.save(module, str(FOLDER / "reads_files"), signatures=module.read)
    module = tf.Module()
    module.sort = tf.function(
        lambda x: tf.raw_ops.Lgamma(x=x), input_signature=[tf.TensorSpec([None, 3])]
    )
    tf.saved_model.save(module, str(FOLDER / "gamma"), signatures=module.sort)


photos()
series()
others()
