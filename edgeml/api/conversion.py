"""`edgeml.convert`: a trained model to verified artifacts and a bundle."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgeml.pipeline.artifacts import write_drafts
from edgeml.pipeline.draft import Draft, weights_file
from edgeml.pipeline.examiner import Examiner
from edgeml.pipeline.input_notes import watched_inputs
from edgeml.pipeline.order import Int8Options, Order
from edgeml.pipeline.packing import pack
from edgeml.pipeline.plan import Plan, make_plan
from edgeml.pipeline.precisions import AUTO
from edgeml.pipeline.record import Artifact, Conversion
from edgeml.pipeline.staging import Stage, staged_output
from edgeml.pipeline.stopwatch import Stopwatch
from edgeml.pipeline.tables import with_tables
from edgeml.pipeline.task_choice import try_task
from edgeml.pipeline.workshop import Workshop
from edgeml.search import SearchOutcome, find_recipe
from edgeml_converters.quantize import Detail
from edgeml_converters.sources.settings import Consent, SourceSettings, refuse
from edgeml_runtime.progress import Progress, silent

RECIPE_SUFFIX = ".recipe.toml"
RECORD_NAME = "conversion.json"


def convert(
    source: Path | str,
    output: Path | str,
    *,
    formats: Sequence[str] | None = None,
    precisions: Sequence[str] = ("float32",),
    calibrate: str | None = None,
    evaluate: str | None = None,
    task: str | None = None,
    task_options: Mapping[str, Any] | None = None,
    metrics: Sequence[str] = (),
    preprocess: Path | None = None,
    fold_preprocess: bool = False,
    max_drop: float | None = None,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    input_dtypes: Mapping[str, str] | None = None,
    trust_pickle: bool = False,
    consent: Consent = refuse,
    labels: Path | None = None,
    name: str | None = None,
    min_runtimes: Sequence[str] = (),
    int8: Int8Options | None = None,
    targets: Sequence[str] = (),
    progress: Progress = silent,
) -> Conversion:
    """Write *source* as ``NAME.PRECISION.FORMAT``, with ``NAME.edgeml`` and ``conversion.json``.

    The options are those of ``edgeml convert``; all of them, and all files and data, are checked
    before work starts. Files of the same name are replaced; they appear together or, on an error or
    Ctrl-C, not at all. An artifact that fails a gate is written as ``.rejected``, stays out of the
    bundle, and is in ``Conversion.failures``. ``consent(question)`` is asked before a framework is
    fetched.

    Raises:
        InputError: An option, a file or the data is wrong, or *output* cannot be written.
        UnsupportedError: A format cannot hold the model; lists every node in the way.
        GateError: The source's framework exports other numbers than it computes.
        MissingToolError: An engine to verify a format, or the source's framework, is not installed.
    """
    order = Order(
        source=Path(source),
        output=Path(output),
        formats=formats,
        precisions=precisions,
        calibrate=calibrate,
        evaluate=evaluate,
        task=task,
        metrics=metrics,
        preprocess=preprocess,
        max_drop=max_drop,
        input_shapes=input_shapes or {},
        settings=SourceSettings(input_dtypes or {}, trust_pickle, consent, progress),
        labels=labels,
        name=name,
        min_runtimes=min_runtimes,
        int8=int8 or Int8Options(),
        targets=targets,
        fold_preprocess=fold_preprocess,
        task_options=task_options or {},
    )
    return _ordered(order, progress)


def _ordered(order: Order, progress: Progress) -> Conversion:
    watch = Stopwatch()
    with watch.timing("load"):
        plan = make_plan(order)
        try_task(plan)
    with staged_output(order.output) as stage:
        return _convert(plan, stage, progress, watch)


def _convert(plan: Plan, stage: Stage, progress: Progress, watch: Stopwatch) -> Conversion:
    plan, look_at_samples = watched_inputs(plan, watch)
    bundle = f"{plan.name}.edgeml"
    shop = Workshop(plan, progress, watch, Detail(histograms=AUTO in plan.precisions))
    search = find_recipe(plan, shop, progress, watch) if AUTO in plan.precisions else None
    if search is not None:
        plan = _decided(plan, search)
    plan, format_notes = with_tables(plan, shop)
    drafts, quantizations = write_drafts(plan, shop, stage.folder, watch)
    with closing(Examiner(plan, drafts, progress, watch)) as examiner:
        examined = [
            (examiner.examine(draft, stage.output / draft.file_name), draft) for draft in drafts
        ]
        verified_on = _in_words(plan, examined[0][0].parity.samples)
        accepted = [
            (artifact, draft)
            for artifact, draft in examined
            if not artifact.rejected and not draft.split
        ]
        if accepted:
            with watch.timing("bundle"):
                pack(
                    stage.folder / bundle,
                    plan,
                    examiner.golden,
                    accepted,
                    verified_on,
                    statistics=examiner.statistics,
                )
    notes = (*plan.source.notes, *format_notes, *(n for d in drafts for n in d.notes))
    conversion = Conversion(
        source=plan.source,
        name=plan.name,
        output=stage.output,
        artifacts=tuple(artifact for artifact, _ in examined),
        task=plan.task,
        verified_on=verified_on,
        quantizations=quantizations,
        bundle=stage.output / bundle if accepted else None,
        timings_s=watch.seconds(),
        notes=tuple(dict.fromkeys((*notes, *look_at_samples(drafts)))),
        search=search,
        task_options=plan.task_options,
    )
    _write_files(stage, bundle, conversion, examined)
    return conversion


def _decided(plan: Plan, search: SearchOutcome) -> Plan:
    """Return *plan* with what was found in place of the search, and its limit as the gate."""
    precisions = (search.recipe.scheme if name == AUTO else name for name in plan.precisions)
    return replace(
        plan,
        precisions=tuple(dict.fromkeys(precisions)),
        recipe=search.recipe,
        max_drop=search.max_drop,
    )


def _write_files(
    stage: Stage,
    bundle: str,
    conversion: Conversion,
    examined: Sequence[tuple[Artifact, Draft]],
) -> None:
    """Give the files their names, write the record, and drop what these make untrue."""
    for artifact, draft in examined:
        draft.path.replace(stage.folder / artifact.path.name)
        if not draft.split:
            stage.obsolete.append(weights_file(artifact.accepted_path).name)
        stage.obsolete.append(artifact.other_path.name)
    if conversion.bundle is None:
        stage.obsolete.append(bundle)
    recipe_name = f"{conversion.name}{RECIPE_SUFFIX}"
    if conversion.search is None:
        stage.obsolete.append(recipe_name)
    else:
        text = conversion.search.recipe.to_toml(_facts(conversion))
        (stage.folder / recipe_name).write_text(text, encoding="utf-8")
    text = json.dumps(conversion.record(), indent=2, ensure_ascii=False, allow_nan=False)
    (stage.folder / RECORD_NAME).write_text(f"{text}\n", encoding="utf-8")


def _facts(conversion: Conversion) -> Mapping[str, str]:
    """Return what the reader of a recipe should know."""
    search = conversion.search
    assert search is not None, "only a search writes a recipe"
    summary = conversion.quantization
    samples = 0 if summary is None else summary.samples
    data = f", with the same --calibrate data ({samples} samples)" if samples else ""
    return {
        "Of": f"{conversion.source.path.name}, sha256 {conversion.source.sha256}",
        "Found": f"'{search.chosen.name}', which loses {search.chosen.drop:.2f} points",
        "Use": f"edgeml convert --recipe THIS{data}",
    }


def _in_words(plan: Plan, samples: int) -> str:
    data = plan.verification_data()
    if data.synthetic:
        return f"{samples} seeded synthetic samples"
    return f"{samples} samples of {Path(data.name).name}"
