"""What every figure of a probe means, in plain words: the one place for these texts. Screens take their labels here."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from rich.text import Text


@dataclass(frozen=True)
class Figure:
    """A figure that a screen shows.

    Attributes:
        meaning: what it is, for who has never met it.
        brief: the same in a few words, beside the figure.
    """

    meaning: str
    brief: str = ""


WORDS = {
    "cue": Figure("The word that shows the feature: in A menina ... cansada, the girl."),
    "twin": Figure("The same sentence with the other cue: O menino ... cansado. It differs in nothing else."),
    "attractor": Figure(
        "A noun between the cue and the ending, which can mislead: João. It is of the same class as the cue, or of the "
        "other (opposite)."
    ),
    "target": Figure("Just before the character that decides: the a of cansada, the o of cansado."),
    "lemma": Figure("One noun with its two forms. Sentences with one noun are never counted as independent."),
    "log odds": Figure(
        "How much likelier the network finds one ending than the other: the logarithm of P(one) / P(other). The unit "
        "is the nat; 2.3 nats are ten times likelier."
    ),
    "[low, high]": Figure(
        "The range that the figure falls into in 95 of 100 cases when the nouns (of a feature: the stretches of text) "
        "are drawn again."
    ),
    "networks that learnt nothing": Figure(
        "Networks of the same shape with fresh random weights and the biases of this one, so that they remember as "
        "long; and models that you named as such. Whatever they reach can be reached by chance."
    ),
}

ANSWERS = {
    "right": Figure("How often the network finds the right ending likelier than the wrong one. Guessing gives 50 %."),
    "twins in order": Figure(
        "How often, of a sentence and its twin, each has the larger odds of its own ending. A network that simply "
        "likes one ending better loses nothing here. Guessing gives 50 %."
    ),
    "d'": Figure(
        "How far apart the answers to the two classes lie, in standard deviations, whatever ending the network likes "
        "better (signal detection). 0 is guessing."
    ),
    "n-gram": Figure("How many a table of the characters before the ending gets right, counted in the training text."),
    "nats apart": Figure("How far the log odds of a sentence and its twin differ. 0: the cue makes no difference."),
    "AUC of the odds": Figure(
        "The chance that a sentence of the first class has larger odds of its ending than one of the second. 0.5 is "
        "guessing, 1 is always."
    ),
    "P(one) / (P(one) + P(other))": Figure("For one sentence: how sure the network is of one ending, of the two."),
}

CARRIES = {
    "hold": Figure(
        "How well the cell tells the two classes apart: the chance (AUC) that it is higher in a sentence of one class "
        "than in one of the other. 0.5 is guessing, 1 is always. It is taken at four places, at the end of the cue, "
        "before and after the attractor, and at the target; the worst of them counts. Only sentences with an attractor "
        "of the other class are used, and only nouns that chose no cell.",
        "tells the classes apart, at the worst place",
    ),
    "hold, same": Figure(
        "The hold past an attractor of the same class. A cell that takes the attractor for the contrary of the cue "
        "fails here.",
        "the same past an attractor of the same class",
    ),
    "AUC, cue": Figure("The same chance at the end of the cue.", "at the end of the cue"),
    "AUC, attractor": Figure("The same chance after the attractor.", "after the attractor"),
    "AUC, target": Figure("The same chance just before the character that decides.", "before what decides"),
    "gap": Figure(
        "How far apart the two classes lie in the cell at the target, in standard deviations of the cell on ordinary "
        "text.",
        "distance of the classes, in deviations",
    ),
    "attractor": Figure(
        "The chance (AUC) that the cell tells the class of the attractor at the target, the cue being the same. 0.5: "
        "it does not see the attractor.",
        "sees the attractor; 0.5: it does not",
    ),
    "p": Figure(
        "How often the best of all candidate cells does as well when the labels of the nouns are exchanged at random.",
        "how often chance does as well",
    ),
    "cleared, cue": Figure(
        "How much of its old content the cell throws away over the last word of the cue (1 - product of the forget "
        "gate).",
        "old content thrown away at the cue",
    ),
    "written, cue": Figure(
        "How much it takes in over that word (sum of input gate times size of the candidate).", "taken in at the cue"
    ),
    "cleared, attractor": Figure(
        "How much of its content it throws away over the attractor.", "content thrown away at the attractor"
    ),
    "written, attractor": Figure("How much it takes in over the attractor.", "taken in at the attractor"),
    "kept": Figure(
        "How much of what stood in the cell at the end of the cue is left at the target (product of the forget gate).",
        "left over from cue to target",
    ),
    "shown": Figure(
        "How far the output gate is open at the target: 1 shows all of the cell to the network, 0 hides it.",
        "output gate at the target",
    ),
    "bound": Figure(
        "What the best cell of one more network that learnt nothing would stay below, in 99 cases of 100, and never "
        "less than the best that was seen. A claim takes a hold (for a feature of ordinary text: an r) above it. It is "
        "a prediction bound for a normal sample (Hahn & Meeker 1991), of the best cells of the networks that were "
        "tried, on the probit scale (of r: Fisher's z). The more networks, the tighter."
    ),
    "power": Figure(
        "If no cell is found: the true hold that a cell must have for these pairs to find it in four cases of five. It "
        "is found by simulation."
    ),
    "at other holds": Figure("Which cells (layer:cell) would have which verdict if a claim took another hold."),
}

USED = {
    "moved": Figure(
        "Patching: the cell is given, once, at the end of the cue, the value that it has in the twin. How far do the "
        "log odds then go towards the twin's? 0: not at all, 1: all the way.",
        "of the way to the twin's answer",
    ),
    "nats": Figure("The same as a change of the log odds.", "the same, in nats"),
    "flips": Figure("How many choices change, of those that are another in the twin.", "choices that change"),
    "p, moved": Figure(
        "How often another cell of the layer, one that varies as much on ordinary text, moves the answer as far.",
        "how often another cell moves it as far",
    ),
    "rest moved": Figure(
        "How far the answer moves when every cell but this one is given its value in the twin.",
        "when all cells but this are exchanged",
    ),
    "gone": Figure(
        "Ablation: from the cue on, the cell is held midway between its values in the two twins. How much of the "
        "difference between the twins' log odds is gone?",
        "of the difference between twins, without it",
    ),
    "in order": Figure(
        "How many twins are still in order without the cell. 50 % is guessing; a high figure means that other cells "
        "carry the feature, too.",
        "twins still in order without it",
    ),
    "odds AUC": Figure("How well the odds still tell the classes apart without the cell.", "of the odds, without it"),
    "cost": Figure(
        "What the network loses on ordinary text, in bits per character, with the cell held at its mean.",
        "loss on ordinary text without it",
    ),
    "sets": Figure(
        "Several cells patched together, the most effective first: how far they move the answer, beside as many cells "
        "drawn at random, and as many that vary as much on ordinary text."
    ),
    "rival": Figure(
        "A cell that follows the last noun in place of the subject. Where choices fail past a noun of the other class, "
        "it may be the reason: what the choices are without it."
    ),
}

DIRECTIONS = {
    "in training": Figure(
        "How far the direction moves the answer on the nouns that it was fitted on. Far above `moved`: it does not "
        "carry over to other nouns.",
        "moved, on the nouns it was fitted on",
    ),
    "cosine": Figure(
        "How near the direction is to the axis of the cell: 1 is the cell itself, 0 has nothing to do with it.",
        "likeness to the cell: 1 is the cell",
    ),
    "control": Figure(
        "How far directions move the answer that were fitted with the classes of half of the nouns exchanged: what "
        "such a fit finds where there is nothing.",
        "moved, when fitted to nonsense",
    ),
    "selectivity": Figure("`moved` less `control`: what is owed to the feature.", "moved less control"),
}

FEATURES = {
    "share": Figure("How many characters of the text have the feature."),
    "r": Figure(
        "The correlation of the cell with the feature, once the position, the current and the previous character are "
        "accounted for. It is measured on stretches of text that chose no cell. To count, it must exceed the bound, "
        "which is never less than 0.3.",
        "correlation with the feature",
    ),
    "p of r": Figure(
        "How often the best candidate does as well when blocks of the feature are exchanged at random.",
        "how often chance does as well",
    ),
    "moves": Figure(
        "The cell is given the state that it has at a place with (or without) the feature, after the same character. "
        "How far does that move the odds of what the feature predicts, as a share of what all cells together do?",
        "of what all cells together do",
    ),
    "rest": Figure("The same when all cells but this one are exchanged.", "when all cells but this are exchanged"),
    "p of moves": Figure(
        "How often another cell of the layer, one that varies as much, moves them as far.",
        "how often another cell moves it as far",
    ),
}

OVER_RUN = {
    "step": Figure("How many windows of text the network had learnt from."),
    "characters": Figure("How many characters it had learnt from."),
    "bits/char": Figure("How well it predicted ordinary text then; less is better."),
    "*": Figure("The figure reaches what a claim needs."),
}

VERDICTS = {
    "tracks and used": Figure(
        "The cell carries the feature all the way, better than networks that learnt nothing, and the answer goes with "
        "it, farther than with other cells."
    ),
    "used": Figure("The answer follows it, but networks that learnt nothing carry the feature as well."),
    "tracks": Figure("It carries the feature all the way; nothing shows that the network uses it."),
    "short-range": Figure("It carries the feature as far as the attractor, or to the end of short sentences."),
    "cue only": Figure("It shows the feature at the cue and loses it."),
    "none": Figure("None of these."),
}

SIGNS = {
    "= - (blank) + #": Figure(
        "The cell, from low to high, around its mean over the sentence and its twin. On a terminal with colour: from "
        "blue to orange."
    ),
    "~": Figure("The line with these signs."),
    "f, i, o": Figure(
        "The forget, input and output gate in tenths: 9 is open. An open forget gate keeps, an open input gate writes, "
        "an open output gate shows. (Other cell types have other gates.)"
    ),
    "^": Figure("The cue."),
    "* under the text": Figure("The character that decides."),
}

LEGEND = {
    "Words": WORDS,
    "Does the network get it right?": ANSWERS,
    "Does the cell carry it?": CARRIES,
    "Does the network use the cell?": USED,
    "One cell, or a direction of its layer?": DIRECTIONS,
    "Features of ordinary text": FEATURES,
    "Over a training": OVER_RUN,
    "Verdicts": VERDICTS,
    "Under a sentence": SIGNS,
}


def draw_legend(width: int, colour: bool) -> list[Text]:
    """All of it, wrapped."""
    lines: list[Text] = []
    for title, figures in LEGEND.items():
        lines += [Text(title, "bold" if colour else "")]
        for name, figure in figures.items():
            text = f"{name}: {figure.meaning}"
            wrapped = textwrap.wrap(text, min(width, 100), initial_indent="  ", subsequent_indent="      ")
            first = Text(wrapped[0])
            first.stylize("bold" if colour else "", 2, 2 + len(name) + 1)
            lines += [first, *map(Text, wrapped[1:])]
        lines.append(Text(""))
    return lines[:-1]
