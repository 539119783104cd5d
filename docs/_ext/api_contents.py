"""Which public names stand on which page of the API, and in which order."""

from __future__ import annotations

import attrs


@attrs.frozen
class ApiPage:
    """A page of the API.

    Attributes:
        file: its name, without suffix.
        title: its heading.
        intro: what its names are for.
        names: the names, with their module.
    """

    file: str
    title: str
    intro: str
    names: tuple[str, ...]


def _page(file: str, title: str, intro: str, names: str, module: str = "fpframe") -> ApiPage:
    return ApiPage(file, title, intro, tuple(f"{module}.{name}" for name in names.split()))


PAGES = (
    _page(
        "verdicts",
        "Enroll and verify",
        "Enroll a victim once, question suspects, and export the queries.",
        "enroll enroll_on_files Victim VictimPast Run Enrolment calibrate Independents verify verify_many Verdict Note "
        "Transcript export_queries",
    ),
    _page(
        "corroboration",
        "Corroboration",
        "Compare the weights of a suspect's file with the victim's, from `fpframe.corroboration`. [How to "
        "do it](../../how-to/corroborating.md).",
        "corroborate open_victim Corroboration ComparedLayer ComparedModel Remark",
        "fpframe.corroboration",
    ),
    _page(
        "models",
        "Models and data",
        "Open models, train them, and send them images.",
        "open_suspect Classifier evaluating build_backbone load_weights save_weights train Training Dataset Images "
        "Preparation Query QuerySet Terms ask through_channel",
    ),
    _page(
        "isolation",
        "Isolation",
        "Where suspects run, and [what they may do there](../../explanation/isolation.md), from `fpframe.isolation`.",
        "OwnProcess InProcess Isolation Limits DeadSuspectError HungSuspectError",
        "fpframe.isolation",
    ),
    _page(
        "zoo",
        "Recipes and the zoo",
        "The models that a verdict rests on: what they are, and how they are made.",
        "Recipe Lineage ZooPlan plan_zoo Zoo export_zoo Store",
    ),
    _page(
        "evaluation",
        "Evaluate and compare",
        "Measure fingerprints on models that nothing was fitted on.",
        "evaluate Evaluation compare Design Comparison",
    ),
    _page("progress", "Progress", "What long calls report while they run. Nothing is printed.", "Event log_events"),
    _page(
        "plugins",
        "Plugins",
        "How plugins are found. To write one, read [Writing a plugin](../../tutorial/writing-plugins.md) and the "
        "[hooks](../hooks/index.md).",
        "hookimpl PLUGIN_API load_registry Registry",
    ),
    _page(
        "interfaces",
        "Interfaces",
        "The base class of each kind of component. The pages on [interfaces](../interfaces/index.md) have examples.",
        "Component PerturbationGenerator Perturbation Augmenter References Encoder AttackSimulator AttackContext "
        "AnswerFilter FilteredQuery Probe BackboneSource DatasetSource SuspectSource SuspectRequest "
        "SuspectExample",
    ),
    _page("schemes", "Schemes", "A fingerprint method as data.", "Scheme Part ComponentSpec"),
    _page("strata", "Strata", "A kind of independent model as data.", "Stratum"),
    _page(
        "errors",
        "Errors",
        "fpframe raises only `FpframeError` on purpose. Each class has the exit code of the command line.",
        "FpframeError UsageError RecipeError ParameterError PluginError ModelError DataError IntegrityError "
        "ResourceError SuspectUnavailableError RefusedQueryError FpframeDeprecationWarning",
    ),
    _page(
        "parameters",
        "Validators",
        "Validators for the hyper-parameters of components, from `fpframe.parameters`.",
        "number whole one_of flag some epsilon_pixels",
        "fpframe.parameters",
    ),
    _page(
        "testing",
        "The conformance kit",
        "`fpframe.testing` checks that a plugin keeps its promises. [How to use it](../conformance.md).",
        "check_component check_scheme check_stratum parametrize_with_checks checks_for run_checks run_data_checks "
        "report_data report_lines CheckResult Check Bench ConformanceError",
        "fpframe.testing",
    ),
)
