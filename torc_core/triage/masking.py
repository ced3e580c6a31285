"""Masks in a message what differs between jobs that fail alike, and keeps what names the cause."""

import re
from typing import Final

_URL: Final = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s'\"<>)\]},]+")
_UUID: Final = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME: Final = re.compile(
    r"\b\d{4}[-/]\d\d[-/]\d\d(?:[t ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?)?(?:z\b|[+-]\d\d:?\d\d\b)?"
    r"|\b\d\d?:\d\d:\d\d(?:[.,]\d+)?\b"
    r"|\b(?:mon|tue|wed|thu|fri|sat|sun),? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec) +\d{1,2}\b(?: \d{4})?"
)
_HEX: Final = re.compile(r"\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,}\b")
_ADDRESS: Final = re.compile(
    r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\[?\b(?:[0-9a-f]{1,4}:){3,7}[0-9a-f]{0,4}\b\]?(?::\d+)?"
)
_NO_COUNTER: Final = r"(?!SAMPLE|NODE|RANK|TASK|STEP|JOB|FILE|CHR|PID|GPU|CPU|ID[-\d]|RUN|ROW|LINE|ITER|PROC|PE\d)"
_CODE: Final = re.compile(
    r"(?:^|\b(?:[Ee]rror|ERROR|[Ff]atal|FATAL|ERR|[Ee]rrno|[Cc]ode|[Ee]xception)[ :=\[(#]{1,3})"
    rf"({_NO_COUNTER}[A-Z]{{2,6}}-?\d{{2,5}}|[CEFIRSW]-?\d{{3,5}})(?=[:\]), ]|$)"
    rf"|\b({_NO_COUNTER}[A-Z]{{2,5}}-\d{{2,6}})(?=:)"
)
"""Error codes, which are written in capitals, as hosts and samples seldom are."""
_LABELLED_HOST: Final = re.compile(
    r"\b(?:worker|pod|runner|executor|agent|vm|instance|compute|node|host|slave|minion)-(?=[a-z0-9-]*\d)[a-z0-9][a-z0-9-]*"
)
_REACHED_HOST: Final = re.compile(
    r"(\b(?:connect(?:ing|ion|ed)? to|reach|contact|hostname|host|server|peer|node|ssh|ping|from host|on host)"
    r"[ :=]{1,3}['\"]?)(?:[a-z0-9][a-z0-9-]*\.)+[a-z]{2,12}\b(?::\d+)?(?![\w(])"
    r"|\b(?:[a-z0-9][a-z0-9-]*\.)+(?:host|prod|stage|staging|corp|private|home|svc|site|grid|node|nodes)(?::\d+)?(?![\w(.])"
    r"|\b[a-z][a-z0-9-]*(?:\.[a-z0-9-]+)*\.(?!py\b|c\b|cc\b|cpp\b|h\b|hpp\b|f\b|f90\b|go\b|rs\b|js\b|ts\b|java\b|jl\b|r\b|sh\b|pl\b"
    r"|cu\b|ml\b|rb\b|txt\b|yaml\b|yml\b|json\b|in\b|xml\b|toml\b|m\b)[a-z]{2,12}:\d{2,5}(?![\w:.])"
)
_SAMPLE: Final = re.compile(
    r"(\b(?:sample|subject|patient|participant|accession|scene|tile|barcode|plate|well|station|scenario)"
    r"(?:[ _]?(?:id|name))?[ :=#]{1,2}['\"]?)(?=[\w.-]{0,60}\d)[\w.-]{1,60}(?<![.])"
    r"|\b(?:[sed]rr\d{5,9}|na\d{5}|hg\d{5}|gs[me]\d{4,9}|tcga-[a-z0-9-]{4,40}|sub-[a-z0-9]*\d[a-z0-9]*)\b"
)
_RESOLVED: Final = re.compile(r"[\w.-]+/(?=<host>)")
_HOST: Final = re.compile(
    r"\b(?:[a-z0-9-]{1,63}\.)+(?:com|org|net|edu|gov|io|ai|dev|cloud|local|localdomain|internal|intern|lan|cluster"
    r"|hpc|mil|int|ac\.uk|de|fr|uk|ch|eu|nl|es|it|us|ca|au|jp|cn)\b(?::\d+)?(?!\()"
)
_NAMED_HOST: Final = re.compile(
    r"(\b(?:host(?:name)?|node|server|nodelist|on host|peer|machine)(?:name)?\b(?: name)?[ :=]{1,3}['\"]?)"
    r"(?!not |is |was |name|unreachable|down|fail|error|key|closed|has |did |or |and |could|cannot|lost|unknown)"
    r"[a-z][a-z0-9_.-]*\d[a-z0-9_.-]*(?::\d+)?"
)
_PLACED_HOST: Final = re.compile(
    r"(\b(?:on|from|node|nodes|host|peer|request:|to:|server|remote) |@'?|\()"
    r"(?!(?:b?float|u?int|utf|python|py|line|step|rank|task|gpu|cuda|device|proc|port|thread|version|epoch|iter)-?\d)"
    r"[a-z][a-z-]{0,15}\d[a-z0-9-]*(?=$|[\s,;:/)'\]])(?::\d+)?"
)
_PATH: Final = re.compile(r"(?:(?<=[\s'\"`(\[=:,<])|^)(?:~|\.{1,2}|[a-z]:)?(?:/[^\s'\"`:,;()\[\]<>|]+){1,}/?")
_RELATIVE: Final = re.compile(r"\b[\w.@%+-]+(?:/[\w.@%+=-]+)+/?")
_VALUE_QUOTED: Final = re.compile(
    r"((?:could not convert string to \w+:?|invalid literal for \w+\(\)[^:]*:|time data|unconverted data[^:]*:"
    r"|unable to parse string|cannot convert|got an unexpected value|for input string:?|invalid value:?|near"
    r"|unexpected token|json\S* value|bad value:?|illegal value:?|given:?)\s*)(['\"`])[^'\"`\n]*(['\"`])"
)
_QUOTED: Final = re.compile(r"(['\"`])([^'\"`\n]{1,200})(['\"`])")
_CURLY: Final = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'}
_NAME_LIKE: Final = re.compile(r"^[@$%]?[a-z_][a-z0-9_.:<>*-]{0,60}(?:\(\))?$")
_SIZE: Final = re.compile(r"\b\d+(?:\.\d+)?(?:e[+-]?\d+)? ?(?:[kmgtpe]i?b(?:ytes)?|bytes?|[kmgtp])\b")
_KEPT_NUMBER: Final = re.compile(
    r"(?:\berrno[ :=\]]{1,3}|\b(?:exit|return|error|status|http|response|signal|cuda|result)[ _-]?"
    r"(?:code|status|error|number)?[ :=(]{1,3}-?|\bhttp/\d(?:\.\d)? |\bora-|\bsqlstate[ \[:]{1,2}|\bxid[^\d]{0,24}"
    r"|\bexited with (?:code )?|\berrno -|\bmpi_abort\([^,()]{1,40}, ?-?|\babort\("
    r"|\.so\.|\b(?:glibc|glibcxx|cxxabi|gcc|openssl|cuda|cudart|cudnn)_?|\bhttperror: )[\d.]*\d"
    r"|\b(?:b?float|u?int|complex|utf-?|cp|iso-?|latin-?|sha|md|base|x|amd|arm|i|python|py|sm_|compute_|s|h|hdf|ipv|k|"
    r"conv|log|exp|mp|fp|bf|tf|nc|vasp|lib[a-z]+|gfortran|g|c)\d{1,4}(?:\.\d+)*(?:_\d\d)?(?![\w])"
    r"|\b[45]\d\d (?=client|server|bad|unauth|forbid|not found|too many|internal|service|gateway|error)"
)
_NUMBER: Final = re.compile(r"(?<![<])[+-]?\b\d+(?:[.,]\d+)*(?:e[+-]?\d+)?%?|\d+")
_SPACES: Final = re.compile(r"\s+")


def mask_message(message: str, node: str | None = None) -> str:
    """Return the message in lowercase with numbers, paths, ids, hosts, times and data values masked.

    Error numbers, HTTP codes, library versions, and quoted names of modules, columns and classes stay. Error
    codes stand behind the message, in whatever way it was masked.
    """
    codes = "".join(f" #{first or second}" for first, second in _CODE.findall(message)).lower()
    text = message.lower().translate(_CURLY).replace("\ue000", "").replace("\ue001", "")
    if node:
        text = text.replace(node.lower(), "<host>").replace(node.lower().split(".")[0], "<host>")
    if "://" in text:
        text = _URL.sub("<url>", text)
    text = _UUID.sub("<id>", text)
    text = _TIME.sub("<time>", text)
    text = _RESOLVED.sub("", _ADDRESS.sub("<host>", text))
    text = _HOST.sub("<host>", text)
    text = _REACHED_HOST.sub(_keep_group, text)
    text = _LABELLED_HOST.sub("<host>", text)
    text = _SAMPLE.sub(_keep_group, text)
    text = _NAMED_HOST.sub(r"\1<host>", text)
    text = _PLACED_HOST.sub(r"\1<host>", text)
    if "/" in text:
        text = _PATH.sub("<path>", text)
        text = _RELATIVE.sub("<path>", text)
    text = _VALUE_QUOTED.sub(r"\1<value>", text)
    text = _QUOTED.sub(_mask_quoted, text)
    text = _HEX.sub("<hex>", text)
    text = _SIZE.sub("<size>", text)
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match.group())
        # letters, so that the number of the mark is no number to mask
        return "\ue000" + "a" * len(kept) + "\ue001"

    text = _KEPT_NUMBER.sub(keep, text)
    text = _NUMBER.sub("<n>", text)
    for index in range(len(kept), 0, -1):
        text = text.replace("\ue000" + "a" * index + "\ue001", kept[index - 1])
    return _SPACES.sub(" ", text).strip() + codes


def _keep_group(match: re.Match[str]) -> str:
    """Mask the value and keep the words that announce it."""
    return (match.group(1) or "") + "<value>"


def _mask_quoted(match: re.Match[str]) -> str:
    """Keep a quoted name, and mask quoted data: a value with spaces or signs differs from job to job."""
    inside = match.group(2)
    if inside.startswith("<") and inside.endswith(">"):
        return inside
    if _NAME_LIKE.match(inside) and not _looks_like_data_file(inside):
        return f"'{inside}'"
    return "<value>"


_DATA_FILE: Final = re.compile(
    r"\.(?:csv|tsv|txt|json|jsonl|parquet|h5|hdf5|nc|npy|npz|pkl|pt|pth|ckpt|bam|sam|vcf|fa|fasta|fq|fastq|gz|bz2|zip"
    r"|xz|tar|dat|bin|out|log|tmp|yaml|yml|xml|sdf|pdb|mol2?|tif{1,2}|png|jpe?g|root|bed|gff|in|inp|cfg|ini|toml|db"
    r"|sqlite|feather|arrow|zarr|lock|pid|err|shp|las|dcm|nii)$"
)


def _looks_like_data_file(name: str) -> bool:
    return _DATA_FILE.search(name) is not None
