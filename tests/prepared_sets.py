"""Prepares small sets as tensorflow-datasets does, without TensorFlow."""

from pathlib import Path

import pytest


def prepare(name, data_dir, images, labels):
    """Prepares a small set under a registered name; PNG files need no TensorFlow."""
    pillow = pytest.importorskip("PIL.Image")
    pytest.importorskip("array_record")
    tfds = pytest.importorskip("tensorflow_datasets")

    def generate(self):
        for i, (image, label) in enumerate(zip(images, labels, strict=True)):
            extra = {"id": str(i)} if "id" in self.info.features else {}
            yield i, {"image": pillow.fromarray(image.squeeze()), "label": label, **extra}

    parent = tfds.builder_cls(name)
    with tfds.core.registered.skip_registration():
        small = type(
            parent.__name__,
            (parent,),
            {
                "__module__": parent.__module__,
                "_split_generators": lambda self, _: {s: generate(self) for s in ("train", "test")},
                "_generate_examples": None,
            },
        )
    config = tfds.download.DownloadConfig(try_download_gcs=False)
    builder = small(data_dir=data_dir, file_format="array_record")
    builder.download_and_prepare(download_config=config)
    return Path(builder.data_dir)
