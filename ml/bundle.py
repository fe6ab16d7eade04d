"""A promoted model as an immutable folder named by its content: `models/<sha256 of manifest.json>/`.

The manifest names every other file with its sha256, the data and settings that made the model, what it was judged by,
and when it expires. A bundle is opened only when every byte is as sealed and its features are the ones of this core.
"""

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ml.errors import BundleError
from ml.files import JsonObject, canonical_json, sha256_of_bytes, sha256_of_file
from ml.gate import GateVerdict, verdict_from_json
from ml.model.presets import Preset
from ml.predictor import CONSTANTS_NAME, WEIGHTS_NAME, Predictor, load_predictor
from warehouse.files import sync, write_atomically

if TYPE_CHECKING:
    from ml.train import Candidate
    from ml.validate import ValidationReport

FORMAT: Final = "lob-bundle"
VERSION: Final = 1
MANIFEST_NAME: Final = "manifest.json"
NS_PER_HOUR: Final = 3_600_000_000_000
BOOK_LEVELS: Final = 5


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle on disk; every byte was checked when it was opened."""

    directory: Path
    hash: str
    manifest: JsonObject

    @property
    def preset(self) -> Preset:
        """Return the preset that the network was made with."""
        return Preset(**self.manifest["preset"])  # type: ignore[arg-type]

    @property
    def slot_instruments(self) -> tuple[str, ...]:
        """Return the instrument of each grid slot in order; empty text where the grid had none."""
        return tuple(str(slot["instrument"]) for slot in self._slots())

    @property
    def present_slots(self) -> tuple[int, ...]:
        """Return the slots that the model was trained on; the others get a zero forecast."""
        return tuple(index for index, slot in enumerate(self._slots()) if slot["is_present"])

    @property
    def trained_until_ns(self) -> int:
        """Return the time of the last step of the data, UTC ns; expiry counts from it."""
        return int(self.manifest["trained_until_ns"])  # type: ignore[arg-type]

    @property
    def expires_ns(self) -> int:
        """Return the UTC ns after which the bundle is refused."""
        return int(self.manifest["expires_ns"])  # type: ignore[arg-type]

    @property
    def context_valid_fraction_min(self) -> float:
        """Return the share of a window on which a slot was valid in every window that the model learned from."""
        return float(self.manifest["config"]["context_valid_fraction_min"])  # type: ignore[arg-type, call-overload, index]

    @property
    def mlflow_run(self) -> str:
        """Return the MLflow run that trained the model; empty when it was not logged."""
        lineage = self.manifest["lineage"]
        assert isinstance(lineage, dict), "a sealed manifest holds its lineage"
        return str(lineage["mlflow_run"])

    @property
    def gate(self) -> GateVerdict:
        """Return the verdict that the bundle was sealed with."""
        return verdict_from_json(self.manifest["validation"]["gate"])  # type: ignore[index, call-overload, arg-type]

    def require_instruments(self, instruments: Sequence[str]) -> None:
        """Raise BundleError where the grid's slots are not those that the model was trained on."""
        if tuple(instruments) != self.slot_instruments:
            trained, asked = (", ".join(names) for names in (self.slot_instruments, instruments))
            raise BundleError(
                f"bundle {self.hash[:12]}: trained on {trained}; this grid has {asked}; train on this grid"
            )

    def predictor(self) -> Predictor:
        """Load the model on the CPU; imports torch."""
        slots = self._slots()
        market_types = tuple(str(slots[index]["market_type"]) for index in self.present_slots)
        return load_predictor(self.directory, self.preset, market_types)

    def _slots(self) -> list[JsonObject]:
        return self.manifest["slots"]  # type: ignore[return-value]


def feature_schema_hash(instruments: tuple[str, ...], step_ns: int) -> str:
    """Return the core's hash of what features mean on a grid whose slots are `instruments` (`venue:SYMBOL` or '')."""
    import native

    return str(native.feature_schema_hash([text.partition(":")[0] for text in instruments], step_ns, BOOK_LEVELS))


def seal(candidate: "Candidate", validation: "ValidationReport", models_dir: Path) -> str:
    """Copy a judged candidate into `models_dir` and return its hash; sealing the same twice changes nothing.

    A refused candidate is sealed too: a person may promote it by hand, and the verdict goes with it.
    """
    manifest_bytes = canonical_json(_manifest(candidate, validation))
    digest = sha256_of_bytes(manifest_bytes)
    target = models_dir / digest
    if target.exists():
        return digest
    part = models_dir / f".{digest}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for name in candidate.files:
        write_atomically(part / name, (candidate.directory / name).read_bytes())
    write_atomically(part / MANIFEST_NAME, manifest_bytes)
    part.rename(target)
    sync(models_dir)
    return digest


def open_bundle(
    models_dir: Path,
    bundle_hash: str,
    feature_schema: str | None,
    *,
    now_ns: int | None = None,
    expires_after_ns: int | None = None,
) -> Bundle:
    """Open and verify a bundle; BundleError names the first thing that is wrong.

    `feature_schema` is this core's `feature_schema_hash` (None: show it only, never for trading). With `now_ns`
    (engine time) an expired bundle is refused; `expires_after_ns` replaces the age that was sealed in.
    """
    directory = models_dir / bundle_hash
    manifest = _read_manifest(directory, bundle_hash)
    files = manifest["files"]
    assert isinstance(files, dict), "checked when the manifest was read"
    for name, digest in sorted(files.items()):
        path = directory / name
        if not path.is_file():
            raise BundleError(f"{path}: expected by the manifest, found no file; restore it or roll back")
        if sha256_of_file(path) != digest:
            raise BundleError(f"{path}: altered since it was sealed (sha256 differs); restore it or roll back")
    bundle = Bundle(directory, bundle_hash, manifest)
    if feature_schema is not None and manifest["feature_schema"] != feature_schema:
        raise BundleError(
            f"bundle {bundle_hash[:12]}: made for feature schema {str(manifest['feature_schema'])[:12]}, "
            f"this engine and grid have {feature_schema[:12]}; train on this grid"
        )
    expires_ns = bundle.expires_ns if expires_after_ns is None else bundle.trained_until_ns + expires_after_ns
    if now_ns is not None and now_ns > expires_ns:
        hours = (now_ns - expires_ns) / NS_PER_HOUR
        raise BundleError(f"bundle {bundle_hash[:12]}: expired {hours:.1f} h ago (engine time); train on newer data")
    return bundle


def list_bundles(models_dir: Path) -> list[str]:
    """Return the hashes of the sealed bundles, sorted; they are not verified."""
    return sorted(
        path.parent.name for path in models_dir.glob(f"*/{MANIFEST_NAME}") if not path.parent.name.startswith(".")
    )


def _read_manifest(directory: Path, bundle_hash: str) -> JsonObject:
    path = directory / MANIFEST_NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{path}: expected a sealed bundle, cannot read it ({error.strerror}); see `models list`"
        ) from error
    if sha256_of_bytes(data) != bundle_hash:
        raise BundleError(f"{path}: altered since it was sealed (its sha256 is not its folder's name); roll back")
    manifest = json.loads(data)
    if manifest.get("format") != FORMAT or manifest.get("version") != VERSION:
        found = f"{manifest.get('format')} version {manifest.get('version')}"
        raise BundleError(f"{path}: expected {FORMAT} version {VERSION}, found {found}; train again with this release")
    missing = {WEIGHTS_NAME, CONSTANTS_NAME} - set(manifest["files"])
    if missing:
        raise BundleError(f"{path}: names no {min(missing)}; train again")
    return manifest  # type: ignore[no-any-return]


def _manifest(candidate: "Candidate", validation: "ValidationReport") -> JsonObject:
    document = candidate.document
    dataset, config = document["dataset"], document["config"]
    assert isinstance(dataset, dict) and isinstance(config, dict), "a candidate holds both"
    slots = dataset["slots"]
    instruments = tuple(slot["instrument"] for slot in slots)  # type: ignore[union-attr, index, call-overload]
    trained_until_ns = int(dataset["last_step_ns"])  # type: ignore[arg-type]
    lifetime_ns = round(float(config["expires_after_hours"]) * NS_PER_HOUR)  # type: ignore[arg-type]
    return {
        "format": FORMAT,
        "version": VERSION,
        "feature_schema": feature_schema_hash(instruments, int(dataset["step_ns"])),  # type: ignore[arg-type]
        "feature_names": dataset["feature_names"],
        "grid": dataset["grid"],
        "step_ns": dataset["step_ns"],
        "slots": slots,
        "preset": document["preset"],
        "config": config,
        "trained_until_ns": trained_until_ns,
        "expires_ns": trained_until_ns + lifetime_ns,
        "lineage": {
            "dataset": document["dataset_hash"],
            "sources": dataset["sources"],
            "first_step_ns": dataset["first_step_ns"],
            "mlflow_run": document["mlflow_run"],
            "code": document["code"],
        },
        "validation": validation.as_json(),
        "files": dict(candidate.files),
    }
