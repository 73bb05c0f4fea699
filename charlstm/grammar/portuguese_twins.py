"""Twins of real Portuguese sentences: the noun phrase that governs a word, exchanged for one of the other gender.

*A nova lei foi ontem aprovada* becomes *O novo voto foi ontem aprovado*: the noun, its determiner (and the contraction
with a preposition), what stands before the noun, and every word between the noun and the target that agrees with it.
A twin is made only where that is certain; else `Uncertain` says why not.
"""

from __future__ import annotations

from itertools import pairwise

from charlstm.grammar.pairs import MinimalPair, to_delimiter
from charlstm.grammar.portuguese_agreement import Adjectives, by_suffix, like, may_agree
from charlstm.grammar.portuguese_open_parts import MASCULINE
from charlstm.grammar.portuguese_partners import Partner, is_noun, partner
from charlstm.grammar.portuguese_twin_phrase import PhraseReader
from charlstm.grammar.portuguese_twin_reading import (
    CONJUNCTIONS,
    COPULAS,
    DEGREES,
    DETERMINERS,
    HAVE,
    INVARIABLE_DETERMINERS,
    INVARIABLE_SUFFIXES,
    LISTS,
    MODIFIERS,
    OPENING,
    PREPOSITIONS,
    QUOTES,
    Agreement,
    Place,
    Token,
    Uncertain,
    tokens,
)


def make_twin(
    agreement: Agreement,
    adjectives: Adjectives,
    *,
    condition: str = "all",
    kind: str = "",
    label: str = "",
    source: str = "twin",
) -> MinimalPair:
    """The pair of a sentence with its twin. Both end with the target: what follows may agree with the noun, too.

    Args:
        agreement: what agrees with what.
        adjectives: the adjectives that are known.
        condition, kind, label, source: of the pair.

    Raises:
        Uncertain: if it is not certain what must be exchanged.
    """
    maker = _Maker(agreement, adjectives)
    changes, lemma = maker.changes()
    text, target = agreement.text, agreement.target
    end = target.end + len(to_delimiter(text, target.end)[:1])
    pieces, at = [], 0
    for place in sorted(changes):
        pieces += [text[at : place.start], like(changes[place], text[place.start])]
        at = place.end
    rest = text[at : target.start] + agreement.other + text[target.end : end]
    good = text[:end]
    pair = MinimalPair(good, text[: target.start] + agreement.other + text[target.end : end], lemma=lemma)
    cue_end = max(place.end for place in changes)
    return MinimalPair(
        good,
        pair.sentence_bad,
        twin="".join(pieces) + rest,
        cue_end=cue_end,
        distance=pair.target - cue_end,
        lemma=lemma,
        condition=condition,
        kind=kind,
        label=label,
        source=source,
    )


def names_between(agreement: Agreement) -> set[int]:
    """The genders of proper names that stand between the noun and its target, where an article shows them: *do PT*."""
    return {
        form.gender
        for token, right in pairwise(tokens(agreement.text))
        if agreement.noun.end <= token.place.start and right.place.end <= agreement.target.start
        if right.is_capital and (form := DETERMINERS.get(token.word))
    }


class _Maker(PhraseReader):
    """Finds what must be exchanged in one sentence."""

    def changes(self) -> tuple[dict[Place, str], str]:
        """The new words by place, and the lemma."""
        noun, target = self.tokens[self.noun], self.tokens[self.target]
        if (noun.is_capital and self.noun > 0) or noun.text.isupper():
            raise Uncertain("the noun may be a proper name")
        if target.is_capital or target.word in LISTS["refused_targets"]:
            raise Uncertain("the target may be a name, an adverb or a pronoun")
        before = self.target - 1
        while self.at(before).word.endswith("mente") or self.at(before).word in DEGREES | {"não", "já"}:
            before -= 1
        if self.at(before).word in PREPOSITIONS:
            raise Uncertain("the target may be a noun")
        if self.at(before).word in HAVE:
            raise Uncertain("the target is the participle of a tense")
        if noun.word in LISTS["set_nouns"] or ("-" in noun.word and self._partner(noun.word).form != noun.word):
            raise Uncertain("the noun is part of a set phrase, or a compound")
        if " ".join(self.at(self.noun + j).word for j in range(3)) in LISTS["set_phrases"]:
            raise Uncertain("the noun is part of a set phrase, or a compound")
        exchanged = self._partner(noun.word)
        start, after_preposition = self.phrase()
        if exchanged.form != noun.word:
            self.found[noun.place] = exchanged.form
        elif not self.found:
            raise Uncertain("nothing would show the twin's gender")
        self.before(start, after_preposition)
        self.between()
        return self.found, exchanged.lemma

    def _partner(self, word: str) -> Partner:
        if word.endswith("s") is not bool(self.a.number):
            raise Uncertain("the noun's number is not the target's")
        exchanged = partner(word, self.a.gender, self.a.number)
        if exchanged is None:
            raise Uncertain("no partner for the noun")
        return exchanged

    # What stands between the noun and the target.

    def between(self) -> None:
        """Exchange what agrees between the noun and the target, and refuse what may."""
        past_noun = in_phrase = filled = False
        last = self.noun  # the last word that agrees
        for k in range(self.noun + 1, self.target):
            token, word, right = self.tokens[k], self.tokens[k].word, self.at(k + 1)
            form = DETERMINERS.get(word) or MODIFIERS.get(word)
            if token.place in self.a.own:
                if past_noun:
                    raise Uncertain("a word beyond another noun agrees, too")
                self.found[token.place] = self.a.own[token.place]
                last = k
            elif token.place in self.a.foreign:
                past_noun = True
            elif not token.is_word:
                in_phrase = in_phrase and token.text in QUOTES
            elif word in PREPOSITIONS or (word == "a" and right.word.endswith("r")):
                in_phrase, filled = True, False
            elif self.is_pronoun(word):
                raise Uncertain("a pronoun may refer to the noun")
            elif word in CONJUNCTIONS:
                in_phrase = False
                if self.a.number and not self.goes_on(k + 1):
                    raise Uncertain("another phrase may be joined to the noun's")
            elif word == "mais" or (word in DEGREES and self.agreeing_adjective(right)):
                continue
            elif form and (word not in MODIFIERS or not past_noun or in_phrase or not self.agrees(form)):
                if self.agrees(form) and not self.begins_phrase(k):
                    raise Uncertain("a pronoun may refer to the noun")
                if self.agrees(form) and word in MODIFIERS and not in_phrase:
                    raise Uncertain("a word that may agree with the noun")
                in_phrase, filled = True, False
            elif word in LISTS["infinitives"] and self.at(k - 1).word in PREPOSITIONS:
                raise Uncertain("the subject of an infinitive may be another noun")
            elif word in LISTS["invariable"] or word in COPULAS or word in HAVE or token.is_number:
                in_phrase = in_phrase and token.is_number
            elif in_phrase:
                if filled and self.looks_like_adjective(word) and not is_noun(right.word):
                    raise Uncertain("an adjective after another noun")
                past_noun = filled = True
                in_phrase = self.adjectives.knows(word) or word.endswith(INVARIABLE_SUFFIXES)
            elif token.is_capital or (is_noun(word) and not self.adjectives.knows(word)):
                if self.is_beside(k, last):
                    raise Uncertain("a name or a noun stands beside the noun, and may agree with it")
                past_noun = True
            elif self.agrees_with_nothing(k):
                continue
            else:
                self.agreeing(k, last, past_noun)
                last = k

    def agrees_with_nothing(self, k: int) -> bool:
        """Whether a word at k is a verb, an adverb, or ends as nothing of the noun's gender and number does."""
        word = self.at(k).word
        if not may_agree(word, self.a.gender, self.a.number) and not self.adjective(word):
            return True
        if word.endswith(("ndo", "ava", "avam", "mente")) and not self.adjectives.knows(word):
            return True
        return self.at(k - 1).word in HAVE and self.a.gender == MASCULINE  # *tinha recebido*

    def is_beside(self, k: int, last: int) -> bool:
        """Whether a noun or a name at k, that nothing governs, comes directly after the noun, or after a sign."""
        k -= 1
        while self.at(k).is_capital and self.at(k).word not in DETERMINERS and k > last:
            k -= 1
        return k == last or not self.at(k).is_word

    def agreeing(self, k: int, last: int, past_noun: bool) -> None:
        """Exchange an adjective or a participle of the noun, or refuse it."""
        token = self.tokens[k]
        if is_noun(token.word):
            raise Uncertain("a word may be a noun or an adjective")
        other = self.adjective(token.word)
        if other is None and all(
            self.at(j).word in DEGREES or self.at(j).word.endswith("mente") for j in range(last + 1, k)
        ):
            other = by_suffix(token.word, self.a.gender, self.a.number)
        if other is None:
            raise Uncertain("a word between is not known, and may agree")
        if past_noun:
            raise Uncertain("an adjective after another noun")
        self.found[token.place] = other

    def agreeing_adjective(self, token: Token) -> bool:
        """Whether a word is the target or an adjective."""
        return token.place == self.a.target or self.adjectives.knows(token.word) or token.place in self.a.own

    def goes_on(self, k: int) -> bool:
        """Whether what stands after *e* is an adjective, or has a preposition: no noun phrase joined to the noun's."""
        token = self.at(k)
        if token.place == self.a.target or token.place in self.a.own or token.word in PREPOSITIONS:
            return True
        if token.word in DETERMINERS:
            return token.word[0] in "dnàp" and token.word not in ("nenhuma", "nenhum")
        if token.word in DEGREES or token.word.endswith("mente"):
            return self.agreeing_adjective(self.at(k + 1))
        return token.word in COPULAS or (self.adjectives.knows(token.word) and not is_noun(token.word))

    def begins_phrase(self, k: int) -> bool:
        """Whether a determiner or modifier at k that agrees has a noun of its own after it."""
        word, right = self.at(k).word, self.at(k + 1)
        if right.text in OPENING:
            right = self.at(k + 2)
        if not right.is_word or right.word in PREPOSITIONS | CONJUNCTIONS | COPULAS | HAVE | LISTS["relatives"]:
            return False
        if right.word in INVARIABLE_DETERMINERS or right.word in LISTS["invariable"] or right.place == self.a.target:
            return False
        if word in ("a", "o", "as", "os"):  # they may be pronouns, too: *que a viu*
            known = is_noun(right.word, self.a.gender, self.a.number) or self.agrees(MODIFIERS.get(right.word))
            return known or right.is_capital or right.is_number
        return right.word not in DETERMINERS or right.word in MODIFIERS
