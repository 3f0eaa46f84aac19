"""The laws under which a request can be made, by name; `domain.deadlines` has what they say of time."""

from enum import StrEnum


class Regulation(StrEnum):
    """The law under which a request is made."""

    GDPR = "gdpr"  # European Union, Regulation (EU) 2016/679
    UK_GDPR = "uk_gdpr"  # United Kingdom
    CCPA = "ccpa"  # California, as amended by the CPRA
    KVKK = "kvkk"  # Türkiye, Law No. 6698
    PIPA = "pipa"  # Republic of Korea
    LGPD = "lgpd"  # Brazil, Law No. 13.709/2018
