"""Models as files: written whole, opened only where they are what the warehouse says they are."""

import hashlib
import os
import pickle
from dataclasses import dataclass
from pathlib import Path

from tasks.insights.detection.forest import versions
from tasks.insights.detection.model import Model

DETECTOR = "2"
"""Raised by whoever changes what a model holds or means: older ones are trained anew."""


@dataclass(frozen=True)
class Artifact:
    """A model's file, and how to know it."""

    file: str
    sha256: str


def current_versions() -> dict[str, str]:
    """Of the detector and of the libraries; a model of others is not used."""
    return {"detector": DETECTOR, **versions()}


def save_model(folder: Path, host: str, model: Model) -> Artifact:
    """Put the model in the place of the host's one before."""
    folder.mkdir(parents=True, exist_ok=True)
    data = pickle.dumps(model, protocol=5)
    name = f"{hashlib.sha256(host.encode()).hexdigest()[:16]}.model"
    part = folder / f"{name}.part"
    part.write_bytes(data)
    os.replace(part, folder / name)
    return Artifact(name, hashlib.sha256(data).hexdigest())


def load_model(folder: Path, artifact: Artifact) -> Model | None:
    """The model; None where the file is gone or is another than the artifact's, so nothing foreign is ever unpickled."""
    try:
        data = (folder / artifact.file).read_bytes()
    except OSError:
        return None
    if hashlib.sha256(data).hexdigest() != artifact.sha256:
        return None
    model: Model = pickle.loads(data)  # noqa: S301 - the hash says that it is ours
    return model
