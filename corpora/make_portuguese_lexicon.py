"""Makes the lexicon of `agreement-pt-open`: `python corpora/make_portuguese_lexicon.py FOLDER`.

FOLDER holds lists derived from MorphoBr: `nouns_gender.tsv` (form, lemma, gender, number, frequency) and `adj_pairs.tsv` (four forms, frequencies).
Writes `portuguese_open_nouns.tsv` and `portuguese_open_adjectives.tsv` into `charlstm/grammar/words/`.
"""

from __future__ import annotations

import csv
import re
import sys
import zlib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
WORDS = ROOT / "charlstm" / "grammar" / "words"
MIN_FREQUENCY = 6  # of a noun's singular
PROBE_ONE_IN = 8


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


PERSONS = words(
    "homem mulher pai mãe rei padre bispo papa frade freira marido genro nora rapaz moça criança pessoa vítima "
    "testemunha barão conde príncipe princesa duque duquesa monge imperatriz ator atriz herói heroína irmão irmã poeta "
    "juiz comandante general capitão tenente coronel major soldado marinheiro mestre médico"
)
THINGS = words(  # though there is a noun of the other gender from the same stem
    "pedido deserto corredor intento cerrado rolo vaca boi novilho urso morada parto improviso manifesto equívoco fluido "
    "acessório cabido gerador bailado submarino toiro distribuidora emissora editora construtora operadora caminhada "
    "comunicado cordeira corretora"
)
NEVER = words(  # words that are rather something else than a noun, or no word at all
    "meio vez vezes vós não sim quê porquê mil cem pós ex sob ser estar ter haver fim afim através ora tal qual "
    "modo lá cá si mim ti ai ui ó pá né cadê judeu prostituta preto cigano crioulo mulato escravo negro negra branco pagão sra perdoe parta direita pederasta chá mal bem que como ante par prol via ia provará "
    "machuca rugosa suburbana ébria ébrio seculo hosana avestruz cabida equívoca gótica burlesco burlesca grotesco hebraico aterrada"
)
NO_ADJECTIVE = words(
    "vário próprio primeiro último único diverso respectivo alheio penso mulo escravo cativo pego confesso mancebo pêndulo "
    "relho rebolo sabujo mulatinho lameiro parteiro eleutério mero"
)
TRANSITIVE = words(  # participles of verbs with an object, from which a passive can be made
    "conhecido feito criado dado morto ouvido chamado escrito aberto dito perdido preso fundado considerado lançado fechado "
    "ferido realizado pago levado previsto tomado eleito recebido coberto aceito acabado esquecido publicado escolhido usado "
    "encontrado vencido acompanhado convidado honrado instalado vendido lido enviado condenado escondido apresentado contado "
    "estabelecido cortado quebrado determinado produzido definido marcado estendido deixado acusado preparado anunciado "
    "abandonado reconhecido ocupado queimado nomeado reduzido dedicado observado separado suspenso culpado carregado "
    "inaugurado organizado tirado servido dirigido levantado interrompido decidido trazido gravado aplicado assustado "
    "apoiado dividido admirado apertado indicado cercado agitado comprado utilizado assinado denominado representado "
    "iluminado resolvido reunido enterrado montado divulgado afastado guardado exposto mudado desenvolvido apagado roubado "
    "mantido repetido aprovado concedido batido lavado dobrado esperado sepultado arrastado batizado iniciado obtido "
    "espalhado julgado estimado recolhido surpreendido abafado colhido consagrado inspirado cumprido integrado tocado "
    "confiado convertido educado lembrado adotado compreendido enganado praticado adquirido apurado premiado transformado "
    "perturbado citado expulso interpretado rasgado confirmado contratado declarado atacado procurado importado celebrado "
    "conduzido misturado terminado alcançado concentrado causado isolado transferido cometido assassinado curado desprezado "
    "estudado ignorado apanhado prometido designado inventado provado derrotado visitado atendido limitado apontado "
    "autorizado oferecido votado encerrado consumido editado proibido revelado sacudido traduzido comparado plantado alterado "
    "desejado calculado disfarçado executado informado promovido transmitido prolongado conseguido notado movido protegido "
    "ameaçado exibido ofendido permitido humilhado perseguido atingido classificado combinado afetado contrariado abraçado "
    "gerado revogado provocado admitido perdoado explicado exercido adorado descrito experimentado ajudado percebido cobrado "
    "discutido negociado respeitado despido detido louvado mencionado controlado disputado interrogado mostrado administrado "
    "consultado submetido aplaudido castigado defendido puxado apreciado identificado rejeitado impedido introduzido corrigido "
    "conquistado conservado garantido justificado punido absorvido improvisado influenciado ajustado elaborado sustentado "
    "examinado recomendado explorado solicitado favorecido acolhido coordenado fornecido restabelecido atualizado "
    "renovado transportado assistido dispensado adiado demitido derribado imposto proposto composto descoberto entregue"
)
ADJECTIVES_IN_DO = words(  # they look like participles, and are adjectives
    "delgado sagrado pesado coitado ousado calado engraçado desgraçado demasiado apaixonado desempregado interessado "
    "empenhado apressado esfomeado dourado prateado rosado salgado quadrado privado avançado elevado adequado localizado "
    "situado inclinado parado cansado animado desconhecido doido comprido delicado espantado aborrecido satisfeito "
    "desesperado comovido preocupado envergonhado complicado irritado encantado resignado isolado zangado "
    "divertido arrependido atrevido destemido entusiasmado desconfiado especializado exaltado fatigado malvado "
    "moderado desolado dolorido desmaiado descuidado envelhecido alvoroçado indignado convencido acostumado"
)

# Adjectives that the list leaves out, mostly because they are nouns, too; the first in the spelling since 1990.
MORE_ADJECTIVES = words(
    "europeia/europeu ateia/ateu plebeia/plebeu hebreia/hebreu inglesa/inglês holandesa/holandês norueguesa/norueguês "
    "finlandesa/finlandês sueca/sueco suíça/suíço mexicana/mexicano argentina/argentino chilena/chileno "
    "australiana/australiano iraquiana/iraquiano islâmica/islâmico católica/católico cristã/cristão pública/público "
    "política/político técnica/técnico médica/médico prática/prático crítica/crítico clínica/clínico "
    "ferroviária/ferroviário universitária/universitário secundária/secundário penitenciária/penitenciário "
    "monetária/monetário estrangeira/estrangeiro plástica/plástico clássica/clássico vizinha/vizinho operária/operário "
    "amiga/amigo inimiga/inimigo trabalhadora/trabalhador produtora/produtor"
)
ASSUMED_FREQUENCY = 400  # of those, which the lists do not count


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a tab-separated file."""
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE))


def _four_forms(both: str) -> tuple[str, str, str, str]:
    """Of `feminine/masculine`: these, and their plurals."""
    feminine, masculine = both.split("/")
    plural = masculine + "es" * masculine.endswith("r") + "s" * masculine.endswith(("o", "u"))
    return feminine, masculine, feminine + "s", re.sub("ês$", "eses", plural)


def words_of_agreement_pt() -> tuple[set[str], set[str]]:
    """The nouns and names that `agreement-pt` keeps for its pairs, and all that stand in texts made by rule already."""
    rows = [row for name in ("portuguese_nouns.tsv", "portuguese_names.tsv") for row in read_without_comments(name)]
    kept = {row[gender].lower() for row in rows if row["half"] == "probe" for gender in ("feminine", "masculine")}
    said = {row[gender] for row in rows if row["half"] == "train" for gender in ("feminine", "masculine")}
    said |= {form for both in MORE_ADJECTIVES for form in _four_forms(both)}
    for name in ("portuguese_phrases.toml", "portuguese_open_phrases.toml"):
        said |= set(re.findall(r"[a-zà-ÿ]+", (WORDS / name).read_text(encoding="utf-8").lower()))
    return kept, said


def read_without_comments(name: str) -> list[dict[str, str]]:
    """The rows of one of our own lists."""
    lines = [line for line in (WORDS / name).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def nouns(folder: Path, adjective_forms: set[str]) -> list[tuple[str, ...]]:
    """Rows: singular, plural, gender, use, frequency, half; the most frequent first."""
    forms: dict[tuple[str, str], dict[str, tuple[str, int]]] = defaultdict(dict)
    for row in read(folder / "nouns_gender.tsv"):
        forms[row["lemma"], row["gender"]].setdefault(row["number"], (row["form"], int(row["freq_modern_mix"])))
    kept, said = words_of_agreement_pt()
    found = []
    for (lemma, gender), by_number in forms.items():
        if set(by_number) != {"SG", "PL"}:
            continue
        (singular, often), (plural, plural_often) = by_number["SG"], by_number["PL"]
        both = {singular, plural}
        if both & adjective_forms or lemma in NEVER or singular in NEVER or singular == plural:
            continue
        if not all(re.fullmatch("[a-zà-ÿ]{3,14}", word) for word in both) or often < MIN_FREQUENCY:
            continue
        is_person = singular in PERSONS or ({(lemma, "F"), (lemma, "M")} <= forms.keys() and singular not in THINGS)
        is_kept = bool(both & kept) or (zlib.crc32(lemma.encode()) % PROBE_ONE_IN == 0 and not both & said)
        found.append((singular, plural, gender, is_person, often + plural_often, is_kept))
    found.sort(key=lambda row: (-row[4], row[0]))
    return [
        (singular, plural, gender, "person" if is_person else "thing", str(often), "probe" if is_kept else "train")
        for singular, plural, gender, is_person, often, is_kept in found
    ]


def adjectives(folder: Path) -> list[tuple[str, ...]]:
    """Rows: feminine and masculine, singular and plural, whether a participle, frequency; the most frequent first."""
    found = []
    kept, _ = words_of_agreement_pt()
    for row in read(folder / "adj_pairs.tsv"):
        four = (row["fem_sg"], row["masc_sg"], row["fem_pl"], row["masc_pl"])
        if len(set(four)) < 4 or kept & set(four) or not all(re.fullmatch("[a-zà-ÿ]{3,16}", form) for form in four):
            continue
        masculine = row["masc_sg"]
        looks_like_one = re.fullmatch("[^áéíóúâêô]+(ado|ido)", masculine) is not None
        if masculine in NO_ADJECTIVE or (looks_like_one and masculine not in TRANSITIVE | ADJECTIVES_IN_DO):
            continue  # which it is, participle or adjective, nobody has decided
        often = sum(int(row[name]) for name in ("f_ms", "f_fs", "f_mp", "f_fp"))
        found.append((*four, "yes" if masculine in TRANSITIVE else "no", often))
    known = {row[1] for row in found}
    for both in MORE_ADJECTIVES:
        four = _four_forms(both)
        if four[1] not in known and not kept & set(four):
            found.append((*four, "no", ASSUMED_FREQUENCY))
    found.sort(key=lambda row: (-row[5], row[0]))
    return [(*map(str, row),) for row in found]


def write(name: str, header: str, comment: str, rows: list[tuple[str, ...]]) -> None:
    """A list with a comment that says what it is."""
    lines = [*(f"# {line}" for line in comment.splitlines()), header, *("\t".join(row) for row in rows)]
    (WORDS / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    """Write both lists."""
    folder = Path(sys.argv[1])
    chosen = adjectives(folder)
    forms = {form for row in read(folder / "adj_pairs.tsv") for form in (row["fem_sg"], row["masc_sg"])}
    forms |= {form for row in read(folder / "adj_pairs.tsv") for form in (row["fem_pl"], row["masc_pl"])}
    own = read_without_comments("portuguese_adjectives.tsv")
    forms |= {row[gender] for row in own for gender in ("feminine", "masculine")}
    source = "Forms, genders and frequencies from lists derived from MorphoBr (Apache 2.0): see NOTICE-portuguese.txt."
    write(
        "portuguese_open_nouns.tsv",
        "singular\tplural\tgender\tuse\tfrequency\thalf",
        f"{source}\nMade by corpora/make_portuguese_lexicon.py. half: probe for one lemma in eight (crc32 of the lemma),\n"
        "and for all that agreement-pt keeps for its pairs.",
        nouns(folder, forms),
    )
    write(
        "portuguese_open_adjectives.tsv",
        "feminine\tmasculine\tfeminine_plural\tmasculine_plural\tparticiple\tfrequency",
        f"{source}\nMade by corpora/make_portuguese_lexicon.py. participle: whether a passive can be made with it.\n"
        f"Adjectives that the lists leave out are our own, and get a frequency of {ASSUMED_FREQUENCY}.",
        chosen,
    )


if __name__ == "__main__":
    main()
