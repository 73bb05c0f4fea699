"""What stands between a subject and its verb in `agreement-en`: links, participles, relative clauses, asides."""

from __future__ import annotations

from charlstm.grammar.english_parts import Between, Subject, Writer, both
from charlstm.grammar.english_words import PLURAL, SINGULAR, Forms, Verb, noun_pool, phrase_list, verb_pool

AUXILIARIES = ("had", "would", "could", "should", "might", "must", "will", "can", "had never", "couldn't", "would not")


def nothing(_writer: Writer, _subject: Subject) -> Between:
    """The verb follows at once."""
    return Between()


def link_without(writer: Writer, _subject: Subject) -> Between:
    """*in question*, *from London*."""
    return Between(both(f" {writer.pick('links_without')}"))


def aside_without(writer: Writer, _subject: Subject) -> Between:
    """*, of course,*."""
    return Between(both(writer.pick("asides_without")))


def links(writer: Writer, subject: Subject) -> Between:
    """*near the doors*, *to the cabinet with the keys*: one to three links."""
    text = ""
    for _ in range(writer.rng.choices((1, 2, 3), (65, 28, 7))[0]):
        text += _link(writer, subject.is_person or text != "")
    return Between(both(text), writer.last)


def _link(writer: Writer, is_person: bool) -> str:
    number = writer.number()
    kind = writer.rng.choice(("person", "any"))
    link = writer.pick("link_persons" if is_person else "links")
    if not writer.strict and writer.chance(0.06):
        link = writer.pick("links_long")
    while link in phrase_list("plural_links") and number == SINGULAR:
        link = writer.pick("link_persons")
    return f" {link} {writer.noun_phrase(number, kind)}"


def of_phrase(writer: Writer, subject: Subject) -> Between:
    """*of most senators*, after a relational noun; a second link may follow."""
    kind = "person" if subject.is_person else writer.rng.choice(("person", "any"))
    text = f" of {writer.noun_phrase(writer.number(), kind)}"
    if writer.chance(0.2):
        text += _link(writer, True)
    return Between(both(text), writer.last)


def participle(writer: Writer, _subject: Subject) -> Between:
    """*standing near the trees*, *seen by the guard*."""
    return Between(both(f" {writer.fitting('participles')}"), writer.last)


def aside(writer: Writer, _subject: Subject) -> Between:
    """*, according to the teachers,*."""
    long = not writer.strict and writer.chance(0.4)
    writer.last = ""
    return Between(both(writer.fitting("asides_long" if long else "asides")), writer.last)


def apposition(writer: Writer, subject: Subject) -> Between:
    """*, a friend of the boys,*; *, friends of the boys,*: agrees, so it suits no pair."""
    noun = noun_pool("relational").draw(writer.rng)
    while noun.is_person != subject.is_person:
        noun = noun_pool("relational").draw(writer.rng)
    of = f" of {writer.noun_phrase(writer.number(), 'person' if subject.is_person else 'any')},"
    one = writer.rng.choice(("the", "the", "the only", "the former", "the first", "the best"))
    return Between((f", {one} {noun.forms[SINGULAR]}{of}", f", {one} {noun.forms[PLURAL]}{of}"), writer.last)


def _finite(writer: Writer, present: Forms, past: str, base: str, participle: str, number: int | None) -> Forms:
    """A verb in a relative clause. `number` is that of its own subject; None: it agrees with the antecedent."""
    how = writer.rng.random()
    if how < 0.5:
        return both(past)
    if how < 0.7:
        auxiliary = writer.rng.choice(AUXILIARIES)
        return both(f"{auxiliary} {participle if auxiliary.startswith('had') else base}")
    if number is not None:
        return both(present[number])
    return both(past) if writer.strict else present


def subject_relative(writer: Writer, subject: Subject) -> Between:
    """*who likes the dogs*, *, which had destroyed the houses,*."""
    commas = subject.name or (subject.definite and writer.chance(0.25))
    pronoun = (
        writer.rng.choice(("who", "who", "who", "that")) if subject.is_person else writer.rng.choice(("that", "which"))
    )
    if commas:
        pronoun = "who" if subject.is_person else "which"
    prefix = "person" if subject.is_person else "any"
    use = writer.rng.choice(("any", "any", "prepositional"))
    verb = verb_pool(f"{prefix}_{use}").draw(writer.rng)
    finite = _finite(writer, verb.present, verb.past, verb.base, verb.participle, None)
    preposition = f" {verb.preposition}" if verb.preposition else ""
    rest = f"{preposition} {writer.noun_phrase(writer.number())}"
    return Between(_clause(commas, f" {pronoun} ", finite, rest), writer.last)


def short_subject_relative(writer: Writer, subject: Subject) -> Between:
    """*who often smiled*: no noun phrase in it."""
    commas = subject.name or (subject.definite and writer.chance(0.25))
    pronoun = "who" if subject.is_person else "which" if commas else "that"
    verb = verb_pool("person_none" if subject.is_person else "any_none").draw(writer.rng)
    finite = _finite(writer, verb.present, verb.past, verb.base, verb.participle, None)
    adverb = writer.pick("before_verbs") + " " if writer.chance(0.4) and finite[0] == verb.past else ""
    return Between(_clause(commas, f" {pronoun} {adverb}", finite, ""))


def object_relative(writer: Writer, subject: Subject) -> Between:
    """*the guard sees*, *that the man wrote*, *, whom the boys had seen,*."""
    number = writer.number()
    inner = writer.noun_phrase(number, "person" if writer.chance(0.85) else "any", definite=True)
    verb = _verb_with_object(writer, subject)
    finite = _finite(writer, verb.present, verb.past, verb.base, verb.participle, number)
    return _object_clause(writer, subject, inner, finite[SINGULAR])


def pronoun_object_relative(writer: Writer, subject: Subject) -> Between:
    """*that I had seen*: no noun phrase in it."""
    verb = _verb_with_object(writer, subject)
    finite = _finite(writer, verb.present, verb.past, verb.base, verb.participle, PLURAL)
    between = _object_clause(writer, subject, writer.rng.choice(("I", "we", "you")), finite[SINGULAR])
    return Between(between.forms)


def _verb_with_object(writer: Writer, subject: Subject) -> Verb:
    uses = ("any", "any", "person" if subject.is_person else "thing")
    return verb_pool(f"person_{writer.rng.choice(uses)}").draw(writer.rng)


def _object_clause(writer: Writer, subject: Subject, inner: str, finite: str) -> Between:
    commas = subject.name or (subject.definite and writer.chance(0.2))
    if commas:
        pronoun = "whom " if subject.is_person else "which "
    else:
        persons, things = ("", "that ", "that ", "whom ", "who "), ("", "that ", "that ", "which ")
        pronoun = writer.rng.choice(persons if subject.is_person else things)
        if inner.startswith("that "):  # *the cooks that son helps* would be read wrongly
            pronoun = "whom " if subject.is_person else "which "
    return Between(_clause(commas, f" {pronoun}{inner} ", both(finite), ""), writer.last)


def prepositional_relative(writer: Writer, subject: Subject) -> Between:
    """*with whom the girls danced*, *for which the man was waiting*."""
    commas = subject.name or (subject.definite and writer.chance(0.3))
    number = writer.number()
    verb = verb_pool("person_prepositional").draw(writer.rng)
    inner = writer.noun_phrase(number, "person", definite=True)
    finite = _finite(writer, verb.present, verb.past, verb.base, verb.participle, number)[SINGULAR]
    pronoun = "whom" if subject.is_person else "which"
    return Between(_clause(commas, f" {verb.preposition} {pronoun} {inner} ", both(finite), ""), writer.last)


def whose(writer: Writer, subject: Subject) -> Between:
    """*whose sons were ill*, *, whose friend the boys had seen,*."""
    commas = subject.name or (subject.definite and writer.chance(0.4))
    number = writer.number()
    noun = noun_pool("relational" if writer.chance(0.5) else "any").draw(writer.rng)
    own = noun.forms[number]
    verb = verb_pool("person_none" if noun.is_person else "any_none").draw(writer.rng)
    finite = _finite(writer, verb.present, verb.past, verb.base, verb.participle, number)[SINGULAR]
    return Between(_clause(commas, f" whose {own} ", both(finite), ""), own)


def _clause(commas: bool, start: str, finite: Forms, rest: str) -> Forms:
    """A relative clause, between commas or not."""
    opening, closing = (",", ",") if commas else ("", "")
    one, many = (f"{opening}{start}{form}{rest}{closing}" for form in finite)
    return (one, many)


WITHOUT = {
    "nothing": nothing,
    "link_without": link_without,
    "aside_without": aside_without,
    "short_subject_relative": short_subject_relative,
    "pronoun_object_relative": pronoun_object_relative,
}
WITH = {
    "links": links,
    "of_phrase": of_phrase,
    "participle": participle,
    "aside": aside,
    "apposition": apposition,
    "subject_relative": subject_relative,
    "object_relative": object_relative,
    "prepositional_relative": prepositional_relative,
    "whose": whose,
}
AFTER_NAMES = ("aside", "apposition", "subject_relative", "object_relative", "prepositional_relative", "whose")
BETWEEN = {**WITHOUT, **WITH}
