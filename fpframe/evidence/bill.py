"""`bill_of_materials`: what an enrolment is of, and was made with, as a CycloneDX 1.6 ML-BOM. It shows digests only."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from fpframe.enrolment import Enrolment
from fpframe.errors import UsageError
from fpframe.evidence.case import read_evidence
from fpframe.evidence.envelope import MOST_OF_ENVELOPE
from fpframe.evidence.seal import ENROLMENT, Seal

if TYPE_CHECKING:
    from cyclonedx.model.component import Component

#: Begins the names of what only fpframe says of a model; none of it is a hash of a file, so it stands in properties.
_OWN = "fpframe:"
_NAMESPACE = uuid.UUID("6f1c1a54-3f0e-5f0a-9a43-0f1f6c9c0b5e")


def bill_of_materials(enrolment: Enrolment, *, seal: Path | None = None) -> str:
    """Return a bill of materials in JSON; that of one enrolment and seal is always the same text.

    Args:
        enrolment: the enrolment.
        seal: the file of its seal, which the bill refers to.

    Raises:
        EvidenceError: the seal is of another enrolment, or damaged.
        UsageError: fpframe is installed without its extra.
    """
    try:
        from cyclonedx.model.bom import Bom, BomMetaData
        from cyclonedx.output import make_outputter
        from cyclonedx.schema import OutputFormat, SchemaVersion
    except ImportError as error:
        raise UsageError("bills of materials need the extra 'bom'; pip install 'fpframe[bom]'") from error
    model, libraries = _model(enrolment, seal), _libraries(enrolment)
    bom = Bom(
        serial_number=uuid.uuid5(_NAMESPACE, enrolment.digest),
        metadata=BomMetaData(component=model),
        components=libraries,
    )
    bom.metadata.timestamp = None  # where it gets none, the library takes the time of this call
    bom.register_dependency(model, libraries)
    return str(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)) + "\n"


def _model(enrolment: Enrolment, seal: Path | None) -> Component:
    from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
    from cyclonedx.model.component import Component, ComponentType

    references = []
    if seal is not None:
        content = read_evidence(seal, most=MOST_OF_ENVELOPE)
        Seal.read(content).statement.require_subject(ENROLMENT, enrolment.digest)
        digest = HashType(alg=HashAlgorithm.SHA_256, content=hashlib.sha256(content).hexdigest())
        references.append(
            ExternalReference(
                type=ExternalReferenceType.ATTESTATION,
                url=XsUri(seal.name),
                comment="the signed seal of the enrolment (DSSE with an in-toto Statement)",
                hashes=[digest],
            )
        )
    return Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=str(enrolment.victim["address"]) or "victim",
        bom_ref=f"model-{enrolment.victim['digest'][:16]}",
        description="a model that is enrolled with fpframe",
        properties=[Property(name=name, value=value) for name, value in said_of(enrolment).items()],
        external_references=references,
    )


def said_of(enrolment: Enrolment) -> Mapping[str, str]:
    """Return what a bill says of the model, by the names of its properties."""
    victim, committed = enrolment.victim, enrolment.commitment
    said = {
        "enrolment": enrolment.digest,
        "weights": str(victim["digest"]),
        "backbone": str(victim["backbone"]),
        "classes": str(len(enrolment.classes)),
        "scheme": enrolment.scheme,
        "recipe": enrolment.recipe.name,
        "alpha": f"{enrolment.recipe.alpha:g}",
        "queries": enrolment.queries.digest,
    }
    if committed is not None:
        said |= {"commitment": committed.root, "beacon": f"{committed.beacon.date}:{committed.beacon.value}"}
        said["attempt"] = f"{committed.attempt} of {committed.terms.enrolments}"
    return {f"{_OWN}{name}": value for name, value in said.items()}


def _libraries(enrolment: Enrolment) -> list[Component]:
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    return [
        Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=version,
            purl=PackageURL("pypi", name=name.lower(), version=version),
            bom_ref=f"{name}=={version}",
        )
        for name, version in _versions(enrolment)
    ]


def _versions(enrolment: Enrolment) -> Iterator[tuple[str, str]]:
    """Yield name and version of each distribution that the enrolment was made with, as far as it says."""
    origin = enrolment.origin
    if origin is None:
        return
    found = {"fpframe": origin.fpframe, **origin.packages}
    found |= {each.distribution: each.version for each in origin.components if each.distribution}
    yield from sorted(found.items())
