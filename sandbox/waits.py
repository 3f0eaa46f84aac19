"""The forms in which answers say how long to wait (RFC 9110 10.2.3 and 5.6.7, the drafts of RateLimit)."""

from dataclasses import replace
from time import gmtime, strftime, struct_time

from sandbox.exchange import Answer

OLD_HEADERS = ("Retry-After", "X-Rate-Limit-Reset")


def tell_wait(answer: Answer, form: str, wait_s: int, now: float) -> Answer:
    """The same refusal, with its wait in another form. `now` is epoch seconds."""
    headers = {name: value for name, value in answer.headers.items() if name not in OLD_HEADERS}
    return replace(answer, headers=headers | _header(form, wait_s, gmtime(now + wait_s), now))


def _header(form: str, wait_s: int, until: struct_time, now: float) -> dict[str, str]:
    match form:
        case "decimals":
            return {"Retry-After": f"{wait_s}.0"}
        case "unit":
            return {"Retry-After": f"{wait_s}s"}
        case "fixdate":
            return {"Retry-After": strftime("%a, %d %b %Y %H:%M:%S GMT", until)}
        case "rfc850":
            return {"Retry-After": strftime("%A, %d-%b-%y %H:%M:%S GMT", until)}
        case "asctime":
            return {"Retry-After": strftime("%a %b %d %H:%M:%S %Y", until)}
        case "twice":
            return {"Retry-After": f"0, {wait_s}"}
        case "ratelimit":
            return {
                "RateLimit": f'"burst";r=9;t=3000, "minute";r=0;t={wait_s}',
                "RateLimit-Policy": '"minute";q=1;w=60',
            }
        case "older_ratelimit":
            return {"RateLimit": f"limit=1, remaining=0, reset={wait_s}"}
        case "ratelimit_reset":
            return {"RateLimit-Limit": "1", "RateLimit-Remaining": "0", "RateLimit-Reset": str(wait_s)}
        case "reset_epoch":
            return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(now) + wait_s)}
        case "reset_seconds":
            return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(wait_s)}
        case _:
            return {"Retry-After": "shortly"}
