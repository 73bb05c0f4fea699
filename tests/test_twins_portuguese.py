"""Twins of real sentences: every rule of the exchange, and every refusal, on sentences made up for it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from charlstm.grammar.pairs import MinimalPair, read_pairs
from charlstm.grammar.portuguese_agreement import Adjectives, by_suffix, may_agree
from charlstm.grammar.portuguese_partners import all_nouns, is_noun, partner, partners
from charlstm.grammar.portuguese_twin_reading import Agreement, Place, Uncertain
from charlstm.grammar.portuguese_twins import make_twin, names_between

SCRIPT = Path(__file__).parent.parent / "corpora" / "bosque_pairs.py"
MARKED = re.compile(
    r"\[(?P<noun>[^\]]+)\]|\{(?P<good>\w+)/(?P<bad>\w+)\}|<(?P<own>\w+)/(?P<other>\w+)>|_(?P<foreign>\w+)_"
)


def agreement(marked: str) -> Agreement:
    """[noun], {target/other}, <own/other>: known to agree, _foreign_: known not to; gender by the target's ending."""
    text, at, noun, target, other = "", 0, Place(0, 0), Place(0, 0), ("", "")
    own, foreign = {}, set()
    for match in MARKED.finditer(marked):
        text += marked[at : match.start()]
        word = match["noun"] or match["good"] or match["own"] or match["foreign"]
        place = Place(len(text), len(text) + len(word))
        text += word
        if match["noun"]:
            noun = place
        elif match["good"]:
            target, other = place, (match["good"], match["bad"])
        elif match["own"]:
            own[place] = match["other"]
        else:
            foreign.add(place)
        at = match.end()
    number = other[0].endswith("s")
    return Agreement(
        text + marked[at:],
        noun,
        target,
        other[1],
        int(not other[0].removesuffix("s").endswith("a")),
        int(number),
        own,
        frozenset(foreign),
    )


def make(marked: str) -> MinimalPair:
    return make_twin(agreement(marked), Adjectives([("amiga", "amigo", 0, 0)]))  # the lexicon has it as a noun


def changed(marked: str) -> list[str]:
    """The words that differ in the twin, as they are there; the noun as N."""
    pair = make(marked)
    assert pair.twin is not None
    first, second = (re.findall(r"[\w-]+", text) for text in (pair.sentence_good, pair.twin))
    assert len(first) == len(second)
    word = re.search(r"\[([^\]]+)\]", marked)[1]  # type: ignore[index]
    return ["N" if a == word else b for a, b in zip(first, second, strict=True) if a != b]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("Ontem vi a [casa] {amarela/amarelo}.", "o N amarelo"),
        ("Ontem vi o [muro] {amarelo/amarela}.", "a N amarela"),
        ("Uma [porta] {estreita/estreito} abriu.", "Um N estreito"),
        ("Ontem falei do [muro] {novo/nova}.", "da N nova"),
        ("Ontem fui à [praia] {nova/novo}.", "ao N novo"),
        ("Ontem fui aos [jogos] {novos/novas}.", "às N novas"),
        ("Entrou pela [porta] {aberta/aberto}.", "pelo N aberto"),
        ("Vive numa [casa] {escura/escuro}.", "num N escuro"),
        ("Nesta [praia] {bonita/bonito} chove.", "Neste N bonito"),
        ("Penso naquelas [praias] {bonitas/bonitos}.", "naqueles N bonitos"),
        ("É um poeta cujas [cartas] {bonitas/bonitos} li.", "cujos N bonitos"),
        ("Falta cada [carta] {escrita/escrito} ali.", "N escrito"),
        ("Recebi as minhas duas [cartas] {escritas/escritos}.", "os meus dois N escritos"),
        ("Leu todas as [cartas] {escritas/escritos}.", "todos os N escritos"),
        ("Leu ambos os [jornais] {antigos/antigas}.", "ambas as N antigas"),
        ("Vi a primeira grande [casa] {amarela/amarelo}.", "o primeiro N amarelo"),
        ("Vi a mais bonita [casa] {amarela/amarelo}.", "o bonito N amarelo"),
        ("Vi as 30 [casas] {amarelas/amarelos}.", "os N amarelos"),
        ("Vi as quatro [casas] {amarelas/amarelos}.", "os N amarelos"),
        ("Uma das [casas] {amarelas/amarelos} caiu.", "Um dos N amarelos"),
        ("Moro numa das [casas] {amarelas/amarelos}.", "num dos N amarelos"),
        ("Cada uma das [casas] {amarelas/amarelos} caiu.", "um dos N amarelos"),
        ("Gosto de [casas] {amarelas/amarelos}.", "N amarelos"),
        ("Tem de ir a [praias] {bonitas/bonitos}.", "N bonitos"),
        ("Comprou «a [casa]» {amarela/amarelo}.", "o N amarelo"),
        ("Uma muito bonita [casa] {amarela/amarelo} caiu.", "Um bonito N amarelo"),
        ("Os [atletas] {cansados/cansadas} dormem.", "As cansadas"),
        ("A [aluna] {cansada/cansado} dorme.", "O N cansado"),
    ],
)
def test_what_stands_before_the_noun_is_exchanged(marked: str, expected: str) -> None:
    assert " ".join(changed(marked)) == expected


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("A [casa] do rapaz foi {vendida/vendido}.", "O N vendido"),
        ("A [casa] antiga do rapaz foi {vendida/vendido}.", "O N antigo vendido"),
        ("A [casa] muito antiga do rapaz foi {vendida/vendido}.", "O N antigo vendido"),
        ("A [casa] gramilática do rapaz foi {vendida/vendido}.", "O N gramilático vendido"),
        ("A [casa] que foi pintada ontem era {bonita/bonito}.", "O N pintado bonito"),
        ("A [casa], bonita e antiga, foi {vendida/vendido}.", "O N bonito antigo vendido"),
        ("O [muro] tinha pintado a rua e foi {vendido/vendida}.", "A N vendida"),
        ("A [casa] chegava a ser {bonita/bonito}.", "O N bonito"),
        ("A [casa] da nova lei foi {vendida/vendido}.", "O N vendido"),
        ("A [casa] que ele comprou foi {vendida/vendido}.", "O N vendido"),
        ("As [casas] e dos muros foram {vendidas/vendidos}.", "Os N vendidos"),
        ("A [casa] <xurda/xurdo> do rapaz foi {vendida/vendido}.", "O N xurdo vendido"),
        ("A [casa] da praia _bonita_ foi {vendida/vendido}.", "O N vendido"),
        ("A [casa] em que a menina dorme foi {vendida/vendido}.", "O N vendido"),
        ("A [casa] do PT foi {vendida/vendido}.", "O N vendido"),
        ("Foi dito que a [casa] foi {vendida/vendido}.", "o N vendido"),
    ],
)
def test_what_agrees_between_noun_and_target_is_exchanged(marked: str, expected: str) -> None:
    assert " ".join(changed(marked)) == expected


REFUSED = {
    "a name or a noun stands beside the noun, and may agree with it": [
        "O [muro] Silva foi {pintado/pintada}.",
        "A [casa], Silva, foi {vista/visto}.",
        "As [linhas] mestras foram {vistas/vistos}.",
    ],
    "a pronoun may refer to the noun": [
        "A [casa] que João viu perto dela foi {vista/visto}.",
        "A [casa] que quer comprá-la foi {vista/visto}.",
        "A [casa] que a viu foi {vista/visto}.",
        "A [casa] só era como a da Rita e foi {vista/visto}.",
        "A [casa], na qual chove, foi {vista/visto}.",
    ],
    "an adjective after another noun": [
        "A [casa] da praia bonita foi {vista/visto}.",
        "A [casa] do muro bonita foi {vista/visto}.",
    ],
    "a word between is not known, and may agree": ["A [casa] do muro que zurba foi {vista/visto}."],
    "a word beyond another noun agrees, too": ["A [casa] do muro, <bonita/bonito>, foi {vista/visto}."],
    "another phrase may be joined to the noun's": ["Os [muros] e as casas foram {vistos/vistas}."],
    "the subject of an infinitive may be another noun": ["Ela tem a [casa] para estar {tranquila/tranquilo}."],
    "the target may be a noun": ["Vi a [casa] de {tinta/tinto}."],
    "the target is the participle of a tense": [
        "É um [muro] que haver {pintado/pintada}.",
        "Viu o [muro] ter já {caído/caída}.",
    ],
    "the phrase is a predicate: its subject may agree": ["Esta é a [casa] {amarela/amarelo}."],
    "the phrase may stand beside a name": ["Falou Rita, a [aluna] {cansada/cansado}."],
    "a pronoun before the phrase may refer to it": ["Saiu ela, a [aluna] {cansada/cansado}."],
    "a word before the phrase may agree with the noun": [
        "Vendida ontem, a [casa] {amarela/amarelo} caiu.",
        "Foi pintada ontem a [casa] {amarela/amarelo}.",
    ],
    "the noun may be a proper name": ["Vi a [Casa] {amarela/amarelo}.", "A [CASA] {amarela/amarelo} caiu."],
    "the target may be a name, an adverb or a pronoun": [
        "Vi a [casa] {Branca/Branco}.",
        "Vi a [casa] {mesma/mesmo}.",
        "Não há [muro] {visto/vista}.",
    ],
    "the noun is part of a set phrase, or a compound": [
        "Viu uma [vez] {estranha/estranho}.",
        "Do [ponto] de vista {médico/médica} não.",
        "Viu a [couve-flor] {bonita/bonito}.",
    ],
    "the noun's number is not the target's": ["O muro e a [casa] {bonitos/bonitas}."],
    "nothing would show the twin's gender": ["Gosto de [atletas] {cansados/cansadas}."],
    "no partner for the noun": ["Ouviu [muro] {bonita/bonito} ali."],
    "a determiner that does not agree": ["Viu o [casa] {bonita/bonito}.", "Viu todo a [casa] {bonita/bonito}."],
    "an article or a preposition": ["Chegou devido a [praia] {bonita/bonito}."],
    "an adjective may be joined to the one before the noun": [
        "Vi a nova e grande [casa] {amarela/amarelo}.",
        "Vi a grande e nova [casa] {amarela/amarelo}.",
        "Vi a velha e a nova [casa] {amarela/amarelo}.",
    ],
    "a word may be a noun or an adjective": ["A [casa] amiga foi {pintada/pintado}."],
    "a word before the noun may be a noun or an adjective": ["Vi a amiga [casa] {amarela/amarelo}."],
    "a word that may agree with the noun": ["A [casa] que outra menina viu foi {pintada/pintado}."],
    "a determiner that is not known": ["Vi uma qualquer [casa] {amarela/amarelo}."],
    "a determiner that may be a pronoun": ["Ela viu que [casa] {bonita/bonito}."],
    "a pronoun before *de* may agree": [
        "Vi a maior das [casas] {amarelas/amarelos}.",
        "Vi a bonita das [casas] {amarelas/amarelos}.",
    ],
    "a determiner before *de* that is not known": ["Vi as duas das [casas] {amarelas/amarelos}."],
    "an adjective before the noun, and no determiner": ["Tinha comprado [gado] {bonito/bonita}."],
    "the word before the noun may agree with it": ["Via xurda [casa] {bonita/bonito}."],
    "a word between determiner and noun is not known": ["Vi a xurbe [casa] {bonita/bonito}."],
    "the noun or the target is part of a longer word": ["Vi a [casa]-forte {bonita/bonito}."],
}


@pytest.mark.parametrize(("reason", "marked"), [(reason, one) for reason, some in REFUSED.items() for one in some])
def test_what_is_not_certain_is_refused(reason: str, marked: str) -> None:
    with pytest.raises(Uncertain) as caught:
        make(marked)
    assert str(caught.value) == reason


def test_every_reason_is_tested() -> None:
    folder = Path(sys.modules["charlstm.grammar.portuguese_twins"].__file__ or "").parent
    said = {
        reason
        for name in ("portuguese_twins", "portuguese_twin_phrase", "portuguese_twin_reading")
        for reason in re.findall(r'raise Uncertain\(\s*"([^"]+)"', (folder / f"{name}.py").read_text(encoding="utf-8"))
    }
    assert said == REFUSED.keys()


def test_a_pair_ends_with_its_target_and_knows_where_the_cue_ends() -> None:
    pair = make("A [casa] antiga do rapaz foi {vendida/vendido}, e era bonita.")
    assert pair.sentence_good == "A casa antiga do rapaz foi vendida,"
    assert pair.sentence_bad == "A casa antiga do rapaz foi vendido,"
    assert pair.cue_end == len("A casa antiga")
    assert pair.distance == len(" do rapaz foi vendid")
    assert pair.twin is not None
    assert pair.twin.endswith(" antigo do rapaz foi vendido,")
    assert len(pair.twin) == len(pair.sentence_good)


def test_names_between_show_a_gender_by_their_article() -> None:
    assert names_between(agreement("A [casa] do PT foi {vendida/vendido}.")) == {1}
    assert names_between(agreement("A [casa] da França e do PT foi {vendida/vendido}.")) == {0, 1}
    assert names_between(agreement("Em Lisboa, no Porto, a [casa] de Braga foi {vendida/vendido}.")) == set()


def test_partners_are_mutual_of_the_other_gender_and_alike() -> None:
    found = partners()
    assert len(found) > 2500
    for noun, other in found.items():
        assert found[other] == noun
        assert other.gender != noun.gender
        assert other.use == noun.use
        if noun.use == "thing":
            assert all(abs(len(a) - len(b)) <= 2 for a, b in zip(noun.forms, other.forms, strict=True))
        for form in other.forms:
            assert {one.gender for one in all_nouns()[form]} == {other.gender}


def test_partners_of_words_outside_the_lexicon() -> None:
    found = partner("zurbidade", 0, 0)
    assert found is not None
    assert is_noun(found.form, 1, 0)
    assert len(found.form) == len("zurbidade")
    assert partner("artistas", 1, 1) == ("artistas", "artista")
    assert partner("casa", 1, 0) is None


def test_partners_of_both_numbers_share_a_lemma() -> None:
    one, more = partner("casa", 0, 0), partner("casas", 0, 1)
    assert one is not None
    assert more is not None
    assert one.lemma == more.lemma
    back = partner(one.form, 1, 0)
    assert back == ("casa", one.lemma)


def test_adjectives_know_lists_and_what_they_are_given() -> None:
    adjectives = Adjectives([("xurda", "xurdo", 0, 0)])
    assert adjectives.find("xurdo", 1, 0) == "xurda"
    assert adjectives.find("nova", 0, 0) == "novo"
    assert adjectives.find("novas", 0, 0) is None
    assert not adjectives.knows("xurdas")
    assert by_suffix("gramiláticas", 0, 1) == "gramiláticos"
    assert by_suffix("xurda", 0, 0) is None
    assert may_agree("zurbador", 1, 0)
    assert not may_agree("zurbe", 1, 0)


HEADER = "kind\tstart\tend\tcorrect\twrong\tgender\tnumber\tcontroller\tchar_dist\tn_nouns_between\t"
HEADER += "n_opposite_gender_nouns_between\ttext"
ROWS = [
    ("pred_part", "A casa do muro foi vendida.", "vendida", "vendido", "Fem", "casa", 1, 1),
    ("pred_part", "O livro do PT foi vendido.", "vendido", "vendida", "Masc", "livro", 0, 0),
    ("pred_part", "Esta é a casa do muro da praia vendida.", "vendida", "vendido", "Fem", "casa", 2, 1),
    ("amod", "Vi a casa amarela.", "amarela", "amarelo", "Fem", "casa", 0, 0),
    ("pred_part", "A carta do muro da praia foi lida.", "lida", "lido", "Fem", "carta", 2, 1),
]


def test_the_script_writes_pairs_with_twins_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    lines = [HEADER]
    for kind, text, good, bad, gender, noun, between, opposite in ROWS:
        start = text.index(good)
        distance = start - text.index(noun) - len(noun)
        fields = (kind, start, start + len(good), good, bad, gender, "Sing", noun, distance, between, opposite, text)
        lines.append("\t".join(map(str, fields)))
    table, out = tmp_path / "table.tsv", tmp_path / "pairs.jsonl"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(SCRIPT.parent.parent)}
    run = [sys.executable, str(SCRIPT), str(table)]
    done = subprocess.run([*run, "--twins"], capture_output=True, env=env, check=True)
    assert done.stderr.decode().splitlines() == [
        "4 pairs of 5; left out:",
        "     1  the phrase is a predicate: its subject may agree",
    ]
    out.write_bytes(done.stdout)
    pairs = read_pairs(out)
    assert [pair.condition for pair in pairs] == ["opposite", "same", "none", "mixed"]
    assert [pair.label for pair in pairs] == ["F", "M", "F", "F"]
    assert all(pair.twin and pair.lemma and pair.kind for pair in pairs)
    assert pairs[0].lemma == pairs[2].lemma
    done = subprocess.run(run, capture_output=True, env=env, check=True)
    out.write_bytes(done.stdout)
    plain = read_pairs(out)
    assert [pair.twin for pair in plain] == [None] * 5
    assert [pair.condition for pair in plain] == ["opposite", "none", "opposite", "none", "opposite"]
    table.write_text("\n".join([HEADER, lines[1].replace("vendida", "vendado", 1)]), encoding="utf-8")
    done = subprocess.run(run, capture_output=True, env=env)
    assert done.returncode == 1
    assert "line 2: 'vendado' does not stand at" in done.stderr.decode()
