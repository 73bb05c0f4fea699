"""When in a training a cell came to hold a feature, and when the network came to use it.

The cell is one that the model at the end has. At every model that the run kept, on the lemmas that confirm: what the
network answers, how well the cell holds the feature, and how far the cell's value in the twin moves the answer.

Legend: N sentences, K landmarks, T characters from the cue's last one on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from charlstm.checkpoint import ModelFile, load_snapshots
from charlstm.config import cell_in_words
from charlstm.network.model import CharLM
from charlstm.network.reader import Reader
from charlstm.probe import ordinary
from charlstm.probe.behaviour import CHANCE
from charlstm.probe.causes import Bench, make_bench, patch
from charlstm.probe.defaults import Words
from charlstm.probe.effects import Twins, correct, flip_share, nats_apart, recovery_interval, twin_order
from charlstm.probe.pipeline import ProbeRequest
from charlstm.probe.reading import warm_state
from charlstm.probe.selectivity import holds_of
from charlstm.probe.statistics import Estimate, Floats, as_json, auc, share, without_nan
from charlstm.probe.stimuli import Bools, Stimuli, make_stimuli, split_lemmas
from charlstm.probe.verdict import Thresholds
from charlstm.progress import OnProgress, unheard


@dataclass(frozen=True)
class Moment:
    """One model of the run.

    Attributes:
        step: windows learnt from.
        characters: learnt from; None where its file does not say.
        bits_per_char: on ordinary text.
        right: choices that are right.
        twin_order: twins in order.
        nats: how far the log odds of twins lie apart.
        hold: the least AUC of the cell over the landmarks, past an attractor of the other class.
        same_hold: the same past one of the same class; NaN where there is none.
        flip: how many choices the cell's value in the twin changes; NaN where the twin's choice is never another.
        recovery: how far it moves the log odds towards the twin's.
    """

    step: int
    characters: int | None
    bits_per_char: float
    right: Estimate
    twin_order: Estimate
    nats: Estimate
    hold: float
    same_hold: float
    flip: float
    recovery: Estimate

    def holds(self, limits: Thresholds) -> bool:
        """Whether the cell holds the feature all the way."""
        return self.hold >= limits.hold and not self.same_hold < limits.hold

    def is_used(self, limits: Thresholds) -> bool:
        """Whether the answer goes with the cell. It must tell twins apart: a share of nothing is chance."""
        enough = self.recovery.value >= limits.recovery and self.recovery.low > 0
        return enough and self.twin_order.low > CHANCE

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return as_json(self)


@dataclass(frozen=True)
class OverRun:
    """A cell over a training.

    Attributes:
        classes: the two values of the feature.
        cell: layer and number from 0.
        sign: 1 if it is high for the first class at the end, -1 if low.
        limits: the thresholds.
        ordinary: the text that bits a character are measured on.
        moments: the earliest first.
    """

    classes: tuple[str, str]
    cell: tuple[int, int]
    sign: int
    limits: Thresholds
    ordinary: str
    moments: list[Moment]

    @property
    def holds_from(self) -> Moment | None:
        """From which moment on the cell holds the feature, to the end; None if not at the end."""
        return _since(self.moments, lambda moment: moment.holds(self.limits))

    @property
    def used_from(self) -> Moment | None:
        """From which moment on the network uses the cell, to the end; None if not at the end."""
        return _since(self.moments, lambda moment: moment.is_used(self.limits))

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object; what is not a number there is null."""
        holds, used = self.holds_from, self.used_from
        everything = {
            "classes": list(self.classes),
            "cell": {"layer": self.cell[0] + 1, "cell": self.cell[1], "sign": self.sign},
            "holds_from": holds and holds.step,
            "used_from": used and used.step,
            "thresholds": {"hold": self.limits.hold, "recovery": self.limits.recovery},
            "ordinary_text": self.ordinary,
            "moments": [moment.to_dict() for moment in self.moments],
        }
        result: dict[str, Any] = without_nan(everything)
        return result


def _since(moments: Sequence[Moment], test: Callable[[Moment], bool]) -> Moment | None:
    """The first moment from which on all pass; None if the last does not."""
    first = None
    for moment in reversed(moments):
        if not test(moment):
            break
        first = moment
    return first


@torch.no_grad()
def follow(
    paths: Sequence[Path],
    final: ModelFile,
    cell: tuple[int, int],
    request: ProbeRequest,
    on_progress: OnProgress = unheard,
) -> OverRun:
    """Measure a cell at every model of a run.

    Args:
        paths: model files of the run; of two from one step the first counts.
        final: the model that the cell was found in, on the device to read on.
        cell: layer and number from 0.
        request: pairs with twins, neutral text, ordinary text, thresholds and seed; the rest does not matter here.

    Raises:
        ModelFileError: for a file that is not a sound model of this run.
        TextError: for pairs that cannot be probed; see `stimuli.make_stimuli`.
    """
    assert request.ordinary is not None
    stimuli = make_stimuli(request.pairs, final.vocabulary)
    discovery, confirmation = split_lemmas(stimuli, request.seed)
    warm = torch.from_numpy(final.vocabulary.encode(request.warm, "skip").astype(np.int64))
    text = ordinary.to_lanes(request.ordinary[0])
    sign = _sign(_bench(final.model, stimuli, warm, discovery & stimuli.contested), cell)
    moments: dict[int, Moment] = {}
    for k, content in enumerate(load_snapshots(paths, final)):
        on_progress("snapshots", k, len(paths))
        if content.training["step"] in moments:
            continue
        model = content.model.to(final.model.device)
        bench = _bench(model, stimuli, warm, confirmation & stimuli.main)
        bits = ordinary.bits_per_char(bench.reader, text)
        moment = _moment(bench, cell, sign, content.training, bits, np.random.default_rng(request.seed))
        moments[moment.step] = moment
    in_time = [moments[step] for step in sorted(moments)]
    return OverRun(stimuli.classes, cell, sign, request.limits, request.ordinary[1], in_time)


def _bench(model: CharLM, stimuli: Stimuli, warm: Tensor, chosen: Bools) -> Bench:
    reader = Reader(model)
    return make_bench(reader, stimuli, warm_state(reader, warm), chosen)


def _at_landmarks(bench: Bench, cell: tuple[int, int]) -> Floats:
    """The memory of a cell at the landmarks: (N, K)."""
    layer, number = cell
    memory = bench.landmarks.c if bench.reader.model.cell.has_cell_state else bench.landmarks.h
    found: Floats = memory[:, :, layer, number].cpu().double().numpy()
    return found


def _sign(bench: Bench, cell: tuple[int, int]) -> int:
    """Whether a cell is high (1) or low (-1) for the first class, on contested sentences."""
    contested = bench.stimuli.contested[bench.rows]
    values = _at_landmarks(bench, cell)[contested, :, None, None]
    return int(holds_of(values, bench.label[contested] == 0)[1][0, 0])


def _moment(
    bench: Bench,
    cell: tuple[int, int],
    sign: int,
    training: dict[str, Any],
    bits_per_char: float,
    rng: np.random.Generator,
) -> Moment:
    twins = Twins.of(bench.label, bench.twin, bench.lemma)
    values, positive = _at_landmarks(bench, cell) * sign, bench.label == 0
    patched = patch(bench, [cell])

    def hold(chosen: Bools) -> float:
        return float(auc(values[chosen], positive[chosen]).min()) if chosen.any() else float("nan")

    learnt = training.get("characters_learnt")
    return Moment(
        step=training["step"],
        characters=learnt if type(learnt) is int else None,
        bits_per_char=bits_per_char,
        right=share(correct(bench.base, bench.label), bench.lemma, rng),
        twin_order=twin_order(twins, bench.base, rng),
        nats=nats_apart(twins, bench.base, rng),
        hold=hold(bench.stimuli.contested[bench.rows]),
        same_hold=hold(bench.stimuli.condition[bench.rows] == "same"),
        flip=flip_share(twins, bench.base, patched),
        recovery=recovery_interval(twins, bench.base, patched, rng),
    )


def in_words(found: OverRun, words: Words) -> str:
    """When it arose, in a sentence."""
    layer, cell = found.cell
    first, second = words.classes
    name, what = cell_in_words(layer, cell), f"{words.feature} ({first} or {second})"
    who = name.capitalize()
    holds, used = found.holds_from, found.used_from
    if holds is not None and used is not None:
        if used.step < holds.step:
            it = f"it carries {what} all the way {_when(found, holds)}"
            return f"The network uses {name} {_when(found, used)}, and {it}."
        return f"{who} carries {what} {_when(found, holds)}, and the network uses it {_when(found, used)}."
    if holds is not None:
        return f"{who} carries {what} {_when(found, holds)}, but the network does not use it at the end."
    if used is not None:
        return f"{who} does not carry {what} at the end, but the network uses it {_when(found, used)}."
    return f"{who} does not carry {what} at the end, and the network does not use it."


def _when(found: OverRun, moment: Moment) -> str:
    at = found.moments.index(moment)
    before = "the first model that was kept" if at == 0 else f"not yet at step {found.moments[at - 1].step:,}"
    learnt = "" if moment.characters is None else f"{moment.characters:,} characters; "
    return f"from step {moment.step:,} on ({learnt}{before})"
