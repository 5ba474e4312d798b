"""What CLAIM (2024) and TRIPOD+AI (2024) ask for and a run's record can answer; the rest is left to the authors.

CLAIM: Tejani, Klontzas, Gatti et al. (2024), Radiology: Artificial Intelligence 6, e240300, all 44 items. TRIPOD+AI:
Collins, Moons, Dhiman et al. (2024), BMJ 385, e078378, all 52 of its 27 items' parts. Items are named in short, in our
own words.
"""

from __future__ import annotations

from aimic_tui.engine.report.checklist_answers import ChecklistAnswers, Item
from aimic_tui.engine.report.limitations import TITLE as LIMITATIONS
from aimic_tui.engine.report.limitations import limitations
from aimic_tui.engine.report.reproduction import TITLE as REPRODUCTION
from aimic_tui.engine.report.robustness_section import ELSEWHERE, ROBUSTNESS, elsewhere_summary, robustness_summary
from aimic_tui.engine.text import listed

_ENSEMBLE = (
    "None in these figures: each image is classified by the model of its fold alone. Predictions on new images average "
    "the folds' models, whose performance together is not measured here."
)


def claim(known: ChecklistAnswers) -> list[Item]:
    """Return the items of the Checklist for Artificial Intelligence in Medical Imaging, 2024 update."""
    record = known.record
    disturbed, elsewhere = robustness_summary(record), elsewhere_summary(record)
    return [
        Item("1", "Title: a study of AI, and of which kind", "Deep learning.", "say so in the title or abstract"),
        Item("2", "Abstract: design, methods, results, conclusions"),
        Item("3", "Background, intended use and role of the AI"),
        Item("4", "Aims, objectives, hypotheses"),
        Item("5", "Prospective or retrospective"),
        Item("6", "Study goal"),
        Item("7", "Data sources"),
        Item("8", "Inclusion and exclusion criteria", known.decisions, "the criteria behind these decisions"),
        Item("9", "Data preprocessing", known.preprocessing),
        Item("10", "Selection of data subsets", known.subsets),
        Item("11", "De-identification"),
        Item("12", "Missing data: how they were handled", known.missing),
        Item("13", "Image acquisition protocol"),
        Item("14", "Reference standard: how it was obtained"),
        Item("15", "Reference standard: why this one"),
        Item("16", "Reference standard: who annotated"),
        Item("17", "Annotation of the test set"),
        Item("18", "Inter- and intrarater variability"),
        Item("19", "How data were assigned to partitions", known.partition),
        Item("20", "Level at which partitions are disjoint", known.disjoint),
        Item("21", "Intended sample size"),
        Item("22", "Model, in detail", f"{known.networks} Input: {known.preprocessing}"),
        Item("23", "Software libraries, frameworks, packages", known.software),
        Item("24", "Initialisation of model parameters", known.weights),
        Item("25", "Training approach", known.training),
        Item("26", "Selection of the final model", known.selection),
        Item("27", "Ensembling", _ENSEMBLE),
        Item("28", "Metrics of performance", known.metrics),
        Item("29", "Significance and uncertainty: measures", known.uncertainty),
        Item("30", "Robustness or sensitivity analysis", f"{disturbed} {known.see(ROBUSTNESS)}" if disturbed else None),
        Item("31", "Explainability or interpretability"),
        Item("32", "Evaluation on internal data", known.internal),
        Item(
            "33",
            "Testing on external data",
            f"{elsewhere} {known.see(ELSEWHERE)}" if elsewhere else None,
            "whether these data are external",
        ),
        Item("34", "Clinical trial registration"),
        Item(
            "35",
            "Patients or examinations included and excluded",
            " ".join(part for part in (known.numbers, known.decisions) if part),
            "numbers of patients and examinations",
        ),
        Item("36", "Demographic and clinical characteristics in each partition"),
        Item("37", "Performance and its uncertainty", known.performance),
        Item("38", "Diagnostic performance and its precision", known.of_classes),
        Item("39", "Failure analysis of incorrect results", known.failures, "why these images were misclassified"),
        Item("40", "Limitations", _limitations(known), "limits of patients, samples and labels"),
        Item("41", "Implications for practice"),
        Item(
            "42",
            "Full study protocol, or technical details",
            f"All settings and the commands that make this report again. {known.see('Recipe', REPRODUCTION)}",
            "a protocol, where there is one",
        ),
        Item("43", "Availability of software, model and data"),
        Item("44", "Funding"),
    ]


def tripod(known: ChecklistAnswers) -> list[Item]:
    """Return the items of TRIPOD+AI, 2024."""
    record = known.record
    folds = record.tested.folds
    elsewhere = elsewhere_summary(record)
    classes = listed(record.results.classes)
    return [
        Item("1", "Title: development or evaluation, population, outcome"),
        Item("2", "Abstract"),
        Item("3a", "Healthcare context and rationale"),
        Item("3b", "Target population, purpose, users"),
        Item("3c", "Known health inequalities"),
        Item("4", "Objectives"),
        Item("5a", "Sources of data, and how representative they are"),
        Item("5b", "Dates of the data"),
        Item("6a", "Setting and centres"),
        Item("6b", "Eligibility of participants"),
        Item("6c", "Treatments"),
        Item(
            "7",
            "Data preparation and quality checks",
            f"{known.preprocessing} {known.audit}",
            "whether this was alike across sociodemographic groups",
        ),
        Item("8a", "Outcome: definition, when and how assessed", f"The image's class: {classes}.", "its definition"),
        Item("8b", "Outcome: assessors' qualifications"),
        Item("8c", "Outcome: blinding"),
        Item("9a", "Predictors: choice", "The image alone; nothing was selected from it beforehand."),
        Item("9b", "Predictors: definition", f"The image's pixels. {known.preprocessing}", "how images were taken"),
        Item("9c", "Predictors: assessors", "None: the network reads the pixels."),
        Item("10", "Sample size: how it was arrived at"),
        Item("11", "Missing data", known.missing),
        Item("12a", "How the data were used", known.partition),
        Item("12b", "How predictors were handled", known.preprocessing),
        Item(
            "12c",
            "Type of model, model building, internal validation",
            f"{known.networks} {known.training} {known.selection} {known.internal}",
            "why these networks, and whether earlier runs tuned their settings",
        ),
        Item(
            "12d",
            "Heterogeneity between clusters: how it was examined",
            known.across_groups,
            "heterogeneity between hospitals or countries",
        ),
        Item("12e", "Measures and plots of performance, comparison of models", known.metrics, "why these"),
        Item("12f", "Model updating after the evaluation", "None: nothing was changed after the test."),
        Item(
            "12g",
            "How predictions were calculated",
            "Each test image by the model of its fold; on new images `aimic predict` averages the folds' models.",
        ),
        Item(
            "13",
            "Class imbalance: method, and recalibration after it",
            f"{known.balance} {known.calibration or 'Probabilities were not recalibrated.'}",
            "why",
        ),
        Item("14", "Fairness"),
        Item(
            "15",
            "Model output, classification and thresholds",
            "Probabilities of all classes, and the class of the network's largest output. No threshold was tuned.",
        ),
        Item(
            "16",
            "Differences between training and evaluation data",
            f"Training and test parts come from one data set. {elsewhere} {known.see(ELSEWHERE)}".rstrip()
            if record.setting("split.method") != "predefined"
            else None,
        ),
        Item("17", "Ethical approval and consent"),
        Item("18a", "Funding"),
        Item("18b", "Conflicts of interest"),
        Item("18c", "Protocol"),
        Item("18d", "Registration"),
        Item("18e", "Data sharing"),
        Item(
            "18f",
            "Code sharing",
            f"{known.software} {known.see(REPRODUCTION)}",
            "where this version of the program can be had",
        ),
        Item("19", "Patient and public involvement"),
        Item("20a", "Flow of participants", known.numbers, "the flow of participants"),
        Item("20b", "Characteristics of participants"),
        Item("20c", "Evaluation data beside development data", *_beside_development(known)),
        Item(
            "21",
            "Participants and outcomes in each analysis",
            f"Images of each class, and of each part of the {folds} folds. {known.see('Data')}"
            if folds > 1
            else f"Images of each class and each part. {known.see('Data')}",
            "participants",
        ),
        Item(
            "22",
            "Model specification and access",
            "Weights, classes, preprocessing and calibration lie in each trial's folder `model`.",
            "where they can be had, and on what terms",
        ),
        Item("23a", "Performance with intervals, in subgroups, too", known.performance, *_subgroups(known)),
        Item(
            "23b",
            "Heterogeneity of performance between clusters",
            known.across_groups,
            "heterogeneity between hospitals or countries",
        ),
        Item("24", "Results of model updating", "No model was updated after the evaluation."),
        Item("25", "Interpretation"),
        Item("26", "Limitations", _limitations(known), "limits of patients, samples and labels"),
        Item("27a", "Poor or missing input: how to handle it in use"),
        Item("27b", "Users' interaction and expertise"),
        Item("27c", "Next steps for research"),
    ]


def _limitations(known: ChecklistAnswers) -> str:
    return f"{' '.join(limitations(known.record))} {known.see(LIMITATIONS)}".rstrip()


def _beside_development(known: ChecklistAnswers) -> tuple[str | None, str]:
    compared = [found.shift.sentence for found in known.record.evaluations if found.shift is not None]
    return (f"{' '.join(compared)} {known.see(ELSEWHERE)}", "participants' characteristics") if compared else (None, "")


def _subgroups(known: ChecklistAnswers) -> tuple[str, ...]:
    return () if known.has("Subgroups") else ("key subgroups",)
