"""What stands before a noun: its phrase, which is exchanged, and what may agree with it from before."""

from __future__ import annotations

from charlstm.grammar.portuguese_agreement import may_agree
from charlstm.grammar.portuguese_open_parts import FEMININE, SINGULAR
from charlstm.grammar.portuguese_partners import is_noun
from charlstm.grammar.portuguese_twin_reading import (
    BEFORE_DE,
    CONJUNCTIONS,
    COPULAS,
    DEGREES,
    DETERMINERS,
    HAVE,
    INVARIABLE_DETERMINERS,
    INVARIABLE_MODIFIERS,
    INVARIABLE_SUFFIXES,
    LISTS,
    MODIFIERS,
    NOTHING,
    OPENING,
    PREPOSITIONS,
    REFUSED_BEFORE_DE,
    UNCONTRACTED,
    Reader,
    Uncertain,
)


class PhraseReader(Reader):
    """Exchanges what stands before the noun."""

    # What stands before the noun and belongs to its phrase.

    def phrase(self) -> tuple[int, bool]:
        """Exchange what stands before the noun; where the phrase begins, and whether a preposition governs it."""
        k = self.noun - 1
        bare = True  # no adjective yet: one must have a determiner or a preposition before it
        while True:
            token = self.at(k)
            word = token.word
            if token.text in OPENING:
                k -= 1
            elif word in DETERMINERS:
                return self.determiner(k)
            elif word in INVARIABLE_DETERMINERS:
                if word in ("que", "qual", "tal"):
                    raise Uncertain("a determiner that may be a pronoun")
                if self.at(k - 1).word in DETERMINERS:
                    raise Uncertain("a determiner that is not known")
                return k, self.at(k - 1).word in PREPOSITIONS or self.at(k - 1).word == "a"
            elif self.agrees(form := MODIFIERS.get(word)):
                assert form is not None
                if word in ("muito", "muitos") and k != self.noun - 1 and self.at(k + 1).word not in MODIFIERS:
                    k -= 1  # *muito elevado*
                    continue
                self.found[token.place] = form.other
                k -= 1
            elif word in INVARIABLE_MODIFIERS or token.is_number or word.endswith(INVARIABLE_SUFFIXES):
                if is_noun(word):
                    return self.bare(k, bare)
                k -= 1
            elif word in DEGREES and k + 1 < self.noun:
                k -= 1
            elif other := self.adjective(word):
                if is_noun(word):
                    raise Uncertain("a word before the noun may be a noun or an adjective")
                self.found[token.place] = other
                bare = False
                k -= 1
            else:
                return self.bare(k, bare)

    def determiner(self, k: int) -> tuple[int, bool]:
        """Exchange a determiner at k, and what may stand before it."""
        token = self.at(k)
        form = DETERMINERS[token.word]
        if not self.agrees(form):
            if token.word == "a" and (self.a.gender, self.a.number) != (FEMININE, SINGULAR):
                return k, True  # a preposition
            raise Uncertain("a determiner that does not agree")
        before = self.at(k - 1)
        if token.word == "a" and before.word in LISTS["before_preposition_a"]:
            raise Uncertain("an article or a preposition")
        if before.word in CONJUNCTIONS and self.of_its_gender(self.at(k - 2).word):
            raise Uncertain("an adjective may be joined to the one before the noun")
        self.found[token.place] = form.other
        k -= 1
        contracted = token.word not in UNCONTRACTED
        if not contracted and before.word in ("todo", "toda", "todos", "todas", "ambos", "ambas"):
            self.found[before.place] = MODIFIERS[before.word].other
            if not self.agrees(MODIFIERS[before.word]):
                raise Uncertain("a determiner that does not agree")
            k -= 1
            before = self.at(k)
        is_de = token.word[0] == "d" or before.word == "de"
        if is_de:
            self.partitive(k - (before.word == "de"))
        return k + 1, contracted or before.word in PREPOSITIONS or before.word == "a"

    def partitive(self, k: int) -> None:
        """Exchange *uma* in *uma das*."""
        token = self.at(k)
        if token.word in BEFORE_DE:
            if BEFORE_DE[token.word].gender != self.a.gender:
                raise Uncertain("a determiner that does not agree")
            self.found[token.place] = BEFORE_DE[token.word].other
            if self.at(k - 1).word in DETERMINERS or self.at(k - 1).word in MODIFIERS:
                raise Uncertain("a determiner before *de* that is not known")
        elif (
            token.word in REFUSED_BEFORE_DE
            or self.of_its_gender(token.word)
            or (token.is_number and self.at(k - 1).word in (*DETERMINERS, *MODIFIERS))
        ):
            raise Uncertain("a pronoun before *de* may agree")

    def bare(self, k: int, may_be: bool) -> tuple[int, bool]:
        """A phrase without a determiner: what stands at k is none of it."""
        token = self.at(k)
        if token.word in PREPOSITIONS:
            return k + 1, True
        if k < self.noun - 1 and (token.word in CONJUNCTIONS or token.text == ","):
            raise Uncertain("an adjective may be joined to the one before the noun")
        if not token.is_word or token.word in LISTS["invariable"] | CONJUNCTIONS | COPULAS | HAVE:
            if not may_be and token is not NOTHING:
                raise Uncertain("an adjective before the noun, and no determiner")
            return k + 1, False
        if not may_be:
            raise Uncertain("an adjective before the noun, and no determiner")
        if may_agree(token.word, self.a.gender, self.a.number):
            raise Uncertain("the word before the noun may agree with it")
        left = self.at(k - 1).word
        if self.agrees(DETERMINERS.get(left)) or self.agrees(MODIFIERS.get(left)):
            raise Uncertain("a word between determiner and noun is not known")
        return k + 1, False

    # What stands before the phrase.

    def before(self, start: int, after_preposition: bool) -> None:
        """Refuse what may agree with the noun and stands before its phrase."""
        if after_preposition:
            return
        k = start - 1
        while self.at(k).word in LISTS["invariable"] - COPULAS or self.at(k).text in OPENING:
            k -= 1
        if self.at(k).word in COPULAS:
            raise Uncertain("the phrase is a predicate: its subject may agree")
        if self.at(k).text in ",:" and self.at(k - 1).is_capital:
            raise Uncertain("the phrase may stand beside a name")
        if self.at(k).text == "," and self.is_pronoun(self.at(k - 1).word):
            raise Uncertain("a pronoun before the phrase may refer to it")
        for k in range(start):
            word, left, right = self.tokens[k].word, self.at(k - 1), self.at(k + 1)
            if self.tokens[k].place in self.a.foreign or not self.looks_like_adjective(word):
                continue
            if left.word in DETERMINERS or left.word in MODIFIERS or left.word in PREPOSITIONS or left.is_number:
                continue  # in a phrase of its own
            if is_noun(left.word, self.a.gender, self.a.number) or left.word in HAVE:
                continue
            if k + 1 < start and is_noun(right.word, self.a.gender, self.a.number):
                continue
            if self.at(k - 2).word in DETERMINERS and left.word not in LISTS["invariable"]:
                continue  # *a política económica*
            raise Uncertain("a word before the phrase may agree with the noun")
