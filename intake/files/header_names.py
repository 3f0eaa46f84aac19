"""What columns of a person are called in the files that people export, in six languages."""

import re
import unicodedata
from functools import cache
from types import MappingProxyType

REGION = "phone_region"
"""The column that says which country's numbers the phone numbers of a row are."""

NAMES = MappingProxyType(
    {
        "user_id": """
            user id, userid, user no, user number, uid, customer id, customer no, customer nr, customer number,
            cust id, client id, client no, client number, member id, member no, member number, membership id,
            membership number, account id, subject id, person id,
            Benutzer-ID, Benutzernummer, Benutzerkennung, Nutzer-ID, Nutzernummer, Nutzerkennung, Kunden-ID,
            Kundennummer, Kunden-Nr., Kundenkennung, Kd.-Nr., Mitglieds-ID, Mitgliedsnummer, Mitglieds-Nr.,
            kullanıcı id, kullanıcı no, kullanıcı numarası, kullanıcı kimliği, kullanıcı kodu, müşteri id,
            müşteri no, müşteri numarası, müşteri kodu, üye id, üye no, üye numarası, üyelik no, üyelik numarası,
            사용자 ID, 사용자 아이디, 사용자 번호, 유저 ID, 유저 아이디, 회원 ID, 회원 아이디, 회원 번호,
            고객 ID, 고객 아이디,
            고객 번호, 아이디,
            identifiant, identifiant utilisateur, identifiant client, id utilisateur, id client, id de client,
            numéro client, numéro de client, n° client, n° de client, no client, code client, numéro utilisateur,
            numéro d'utilisateur, référence client, numéro d'adhérent, numéro de membre,
            id usuario, id de usuario, id del usuario, identificador de usuario, número de usuario, id cliente,
            id de cliente, id del cliente, número de cliente, núm. cliente, nº cliente, nº de cliente,
            código de cliente, código cliente, identificador de cliente, número de socio,
        """,
        "email": """
            email, mail, email address, mail address, user email, customer email, email id,
            Mailadresse, E-Mail-Adresse, Kunden-E-Mail, elektronische Post,
            e-posta, e-posta adresi, eposta adres, elektronik posta, mail adresi, e-mail adresi,
            이메일, 이메일 주소, 메일, 메일 주소, 전자우편, 전자우편 주소, 전자메일, 전자메일 주소,
            courriel, adresse courriel, adresse e-mail, adresse mail, adresse électronique, mél,
            courrier électronique,
            correo, correo electrónico, dirección de correo, dirección de correo electrónico, dirección de e-mail,
            dirección email,
        """,
        "phone_number": """
            phone, phone number, phone no, telephone, telephone number, telephone no, tel, tel no, tel number,
            mobile, mobile number, mobile no, mobile phone, mobile phone number, cell, cell number, cell phone,
            cell phone number, msisdn, user phone, customer phone, contact number,
            Telefon, Telefonnummer, Telefon-Nr., Tel.-Nr., Rufnummer, Handy, Handynummer, Handy-Nr., Mobil,
            Mobilnummer, Mobil-Nr., Mobiltelefon, Mobilfunknummer, Mobilfunk, Mobilrufnummer,
            telefon no, telefon numarası, cep, cep no, cep telefonu, cep telefonu no, cep telefonu numarası,
            cep numarası, gsm, gsm no, gsm numarası,
            전화, 전화번호, 휴대폰, 휴대폰 번호, 휴대전화, 휴대전화 번호,
            핸드폰, 핸드폰 번호, 연락처, 모바일, 모바일 번호,
            téléphone, numéro de téléphone, numéro téléphone, n° de téléphone, n° téléphone, téléphone portable,
            téléphone mobile, portable, numéro de portable, numéro de mobile, tél. portable,
            teléfono, número de teléfono, nº de teléfono, núm. de teléfono, teléfono móvil, móvil, número de móvil,
            número móvil, celular, número de celular, teléfono celular,
        """,
        "asked_at": """
            asked at, asked on, requested at, requested on, date asked, request date, date of request,
            angefragt am, Anfrage am, Anfrage vom, Anfragedatum, beantragt am, Antrag vom, Antragsdatum, verlangt am,
            talep tarihi, talep günü, başvuru tarihi, başvuru günü,
            요청일, 요청 일자, 요청 날짜, 신청일, 신청 일자, 접수일,
            date de la demande, date de demande, demandé le,
            fecha de solicitud, fecha de la solicitud,
        """,
        REGION: """
            phone region, phone country, country, country code, region, region code, iso country,
            Land, Ländercode, Länderkürzel, Länderkennzeichen, Länderkennung,
            ülke, ülke kodu,
            국가, 국가 코드, 국가 번호,
            pays, code pays, code du pays, indicatif,
            país, código de país, código del país,
        """,
    }
)
"""By field, what its column may be called; case, accents, spaces and marks aside."""

_MARKS = re.compile(r"[\s\-_.:*#°'\u2019()/]+")


def squashed(name: str) -> str:
    """A name without case, accents, spaces and such marks as `-`, `_` and `.`."""
    apart = unicodedata.normalize("NFKD", name).casefold().replace("ı", "i")
    return _MARKS.sub("", "".join(letter for letter in apart if not unicodedata.combining(letter)))


@cache
def synonyms() -> dict[str, str]:
    """By squashed name, the field."""
    return {
        squashed(name): field for field, names in NAMES.items() for name in re.split(r"[,\n]", names) if squashed(name)
    }
