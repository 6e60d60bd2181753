"""DNSMOS, which grades noisy speech as listeners do: signal, background and overall, 1 to 5."""

import numpy as np

from benchmarks.int8_tasks.speech_grades import SpeechGrades
from benchmarks.int8_tasks.task import Arrays

# From what the model gives to grades: speechmos, Microsoft's package of the model.
_CURVES = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)


def _read(outputs: Arrays) -> np.ndarray:
    ((raw,),) = outputs.values()
    return np.array([np.polyval(grade, value) for grade, value in zip(_CURVES, raw, strict=True)])


_GRADES = SpeechGrades(
    name="dnsmos",
    module=__name__,
    model="dnsmos_sig_bak_ovr",
    samples=144160,
    clips=(40, 24, 12),
    prepare=np.asarray,
    read=_read,
)
task, calibration = _GRADES.task, _GRADES.calibration
trial_data, trial_share = _GRADES.trial_data, _GRADES.trial_share
