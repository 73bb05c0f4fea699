"""The predicates of `agreement-en`, for one and for many: be, have, do, verbs, reflexives."""

from __future__ import annotations

from charlstm.grammar.english_parts import Subject, Writer, both, determined, joined
from charlstm.grammar.english_words import PLURAL, SINGULAR, Forms, noun_pool, verb_pool, word_list

BE = (("is", "are"),) * 4 + (("was", "were"),) * 4 + (("isn't", "aren't"), ("wasn't", "weren't"))
PRESENT_BE = (("is", "are"),) * 4 + (("isn't", "aren't"),)
PAST_BE = (("was", "were"),) * 4 + (("wasn't", "weren't"),)
HAVE = (("has", "have"),) * 4 + (("hasn't", "haven't"),) * 2
DO = (("doesn't", "don't"),) * 4 + (("does not", "do not"),) * 3
PRONOUNS = {"F": "herself", "M": "himself", "": "itself"}


def adverb_after(writer: Writer, auxiliary: Forms) -> str:
    """*still*, *not*, or nothing, after an auxiliary that is not negated."""
    word = "" if auxiliary[SINGULAR].endswith("n't") else writer.pick("after_auxiliary")
    return f" {word}" if word else ""


def property_of(writer: Writer, is_person: bool) -> str:
    """An adjective as it follows *be*."""
    if is_person and writer.chance(0.15):
        return writer.rng.choice(word_list("adjectives", "predicative"))
    return writer.pick("degrees") + writer.adjective(is_person)


def be(writer: Writer, subject: Subject, past: bool = False) -> Forms:
    """*is still in the garden*, *weren't seen by the guard*."""
    past = past or writer.tense == "past"
    auxiliary = writer.rng.choice(PAST_BE if past else PRESENT_BE if writer.tense == "present" else BE)
    start = joined(auxiliary, both(adverb_after(writer, auxiliary)))
    return joined(start, complement(writer, subject, agreeing=not writer.strict))


def complement(writer: Writer, subject: Subject, agreeing: bool) -> Forms:
    """What follows *be*; if `agreeing`, it may be a noun of the subject's number."""
    how = writer.rng.random()
    if how < 0.42:
        after = writer.ending("endings") if writer.chance(0.4) else ""
        return both(f" {property_of(writer, subject.is_person)}{after}")
    if how < 0.62:
        return both(f" {free(writer, writer.pick('states'))}")
    if how < 0.82:
        by = f" by {writer.noun_phrase(writer.rng.choice((SINGULAR, PLURAL)))}" if writer.chance(0.4) else ""
        return both(f" {writer.pick('passives')}{by or writer.ending('endings')}")
    if agreeing and subject.is_person and how < 0.87:
        noun, before = noun_pool("person").draw(writer.rng), writer.adjectives(True, 0.3)
        if noun.gender != "N":  # *the woman is a king*
            return both(f" {property_of(writer, True)}")
        return (f" {determined('a', before + noun.forms[SINGULAR])}", f" {before}{noun.forms[PLURAL]}")
    verb, rest = writer.verb_and_rest(subject.is_person, "endings")
    while verb.base in word_list("", "statives"):
        verb, rest = writer.verb_and_rest(subject.is_person, "endings")
    return both(f" {verb.gerund}{rest}")


def free(writer: Writer, template: str) -> str:
    """A phrase after the verb: its noun phrases have any number."""
    before = writer.number
    writer.number = lambda: writer.rng.choice((SINGULAR, PLURAL))
    text = writer.fill(template)
    writer.number = before
    return text


def have(writer: Writer, subject: Subject) -> Forms:
    """*has never seen the film*, *haven't been found yet*."""
    auxiliary = writer.rng.choice(HAVE)
    start = joined(auxiliary, both(adverb_after(writer, auxiliary)))
    how = writer.rng.random()
    if how < 0.2:
        return joined(start, both(f" been {writer.pick('passives')}{writer.ending('endings_perfect')}"))
    if how < 0.3:
        return joined(start, both(f" been {property_of(writer, subject.is_person)}{writer.ending('endings_perfect')}"))
    if how < 0.42:
        return joined(
            ("has", "have"), both(f" {writer.noun_phrase(writer.rng.choice((SINGULAR, PLURAL)), names=False)}")
        )
    verb, rest = writer.verb_and_rest(subject.is_person, "endings_perfect")
    return joined(start, both(f" {verb.participle}{rest}"))


def do(writer: Writer, subject: Subject) -> Forms:
    """*doesn't like the dogs*, *do not sleep at night*."""
    verb, rest = writer.verb_and_rest(subject.is_person, "endings_present")
    return joined(writer.rng.choice(DO), both(f" {verb.base}{rest}"))


def present(writer: Writer, subject: Subject) -> Forms:
    """*walks to the station*, *often walk with the boys*."""
    verb, rest = writer.verb_and_rest(subject.is_person, "endings_present")
    return joined(verb.present, both(rest))


def past(writer: Writer, subject: Subject) -> Forms:
    """*walked to the station*: nothing agrees."""
    verb, rest = writer.verb_and_rest(subject.is_person, "endings_past")
    return both(verb.past + rest)


def modal(writer: Writer, subject: Subject) -> Forms:
    """*can't sleep at night*: nothing agrees."""
    verb, rest = writer.verb_and_rest(subject.is_person, "endings_present")
    return both(f"{writer.pick('modals' if writer.chance(0.6) else 'negated_modals')} {verb.base}{rest}")


PREDICATES = {"be": be, "have": have, "do": do, "verb": present, "past": past, "modal": modal}


def predicate(writer: Writer, kind: str, subject: Subject) -> tuple[str, Forms]:
    """What may stand between subject and finite verb without a comma (*often*), and the predicate from that verb on."""
    adverb = ""
    if kind in ("verb", "past") and writer.chance(0.25):
        adverb = " " + writer.pick("before_verbs")
    elif kind == "do" and writer.chance(0.15):
        adverb = " " + writer.pick("before_does")
    return adverb, PREDICATES[kind](writer, subject)


# Reflexives


def reflexive_pronoun(writer: Writer, subject: Subject) -> Forms:
    """*herself*, *themselves*; of a person of either gender, one of the two."""
    gender = writer.rng.choice("FM") if subject.gender == "N" else subject.gender
    return (PRONOUNS[gender], "themselves")


def reflexive(writer: Writer, subject: Subject) -> tuple[Forms, Forms]:
    """The words from the space before the verb to the pronoun, and the pronoun with what follows.

    If strict, the verb suits one and many.
    """
    pronoun = reflexive_pronoun(writer, subject)
    if writer.chance(0.12) and not writer.strict:
        auxiliary = writer.rng.choice(BE)
        start = joined(both(" "), auxiliary, both(f"{adverb_after(writer, auxiliary)} {writer.pick('proud_of')} "))
        return start, pronoun
    prepositional = writer.chance(0.2) and subject.is_person
    verb = verb_pool("reflexive_prepositional" if prepositional else "reflexive").draw(writer.rng)
    preposition = f" {verb.preposition}" if verb.preposition else ""
    how = writer.rng.random()
    if how < 0.45:
        adverb = f" {writer.pick('before_verbs')}" if writer.chance(0.2) else ""
        finite, endings = both(f"{adverb} {verb.past}"), "endings_past"
    elif how < 0.75 or writer.strict:
        name = "modals" if writer.chance(0.4) else "negated_modals"
        finite, endings = both(f" {writer.pick(name)} {verb.base}"), "endings_present"
    elif how < 0.85:
        finite, endings = joined(both(" "), verb.present), "endings_present"
    elif how < 0.92:
        finite, endings = joined(both(" "), writer.rng.choice(DO), both(f" {verb.base}")), "endings_present"
    else:
        finite, endings = joined(both(" "), writer.rng.choice(HAVE), both(f" {verb.participle}")), "endings_perfect"
    after = writer.ending(endings) if writer.chance(0.5) else ""
    return joined(finite, both(f"{preposition} ")), joined(pronoun, both(after))
