"""Reads a dropped file as its page says, and keeps what was found."""

from collections.abc import Sequence

from config.data_folder import ForeignFolderError, check_ours
from config.settings import Settings
from domain.noticed import Noticed
from domain.requests import Kind
from domain.suppression import Identifiers
from intake.files import saved_maps
from intake.files.check import check
from intake.files.columns import field_of, recognise
from intake.files.header_names import squashed
from intake.files.hints import HintError, Hints, read_hints
from intake.files.reading import Bounds, Reading
from intake.files.saved_maps import Kept
from ledger import suppression
from ledger.people.prints import Prints
from ledger.requests import drafts
from ledger.requests.drafts import Draft, DraftFile
from ledger.session import one_by_one
from tasks.submission import SubmitError
from web.console.draft_state import COLUMN, KEEP_AS, LEAVE_OUT, State
from web.console.request_options import Wrong
from web.context import Context


def hints_of(state: State, settings: Settings) -> Hints:
    """How the file is to be read. Raises HintError."""
    given = state.given
    said = {one.field: given[one.field] for one in state.columns if one.field in given}
    maps, ignored, others = Kept() if said or not given["map_as"] else _kept(settings, given["map_as"])
    maps, ignored = [*maps], [*ignored]
    for place, cell in enumerate(state.header, start=1):
        holds = said.get(f"{COLUMN}{place}", "")
        known = recognise(cell.name)
        if holds == LEAVE_OUT:
            ignored.append(cell.name)
        elif holds and (known is None or field_of(known) != holds):
            maps.append(f"{cell.name}={holds}")
    ignored = list({squashed(name): name for name in ignored if squashed(name)}.values())
    region, sheet = given["region"] or settings.phone_region, given["sheet"] or None
    return read_hints(maps, ignored, region, sheet, others_ignored=bool(given["others"]) or others)


def _kept(settings: Settings, name: str) -> Kept:
    try:
        check_ours(settings.data_dir)
    except ForeignFolderError as error:
        raise HintError(f"map-as: {error}") from None
    return saved_maps.load(settings.data_dir, name)


def keep_map(state: State, settings: Settings) -> None:
    """Keep what is said of the columns under the name that was given, if any, for the next file. Raises HintError."""
    if state.given[KEEP_AS]:
        try:
            check_ours(settings.data_dir)
        except ForeignFolderError as error:
            raise HintError(f"map-as: {error}") from None
        saved_maps.save(settings.data_dir, state.given[KEEP_AS], hints_of(state, settings))


def bounds_of(settings: Settings) -> Bounds:
    """How large a file may become in reading."""
    return Bounds(settings.upload_max_bytes, settings.max_workbook_bytes)


def looked_at(context: Context, draft: Draft, state: State) -> tuple[State, list[Wrong]]:
    """The state with what is in the file, which is read to its end unless that was done; and what is wrong with how it
    is to be read. Raises DraftGoneError."""
    if state.check is not None:
        return state, []
    try:
        hints = hints_of(state, context.settings)
        state = _checked(context, draft, state, hints)
        if (again := hints_of(state, context.settings)) != hints:  # its columns were not known before
            state = _checked(context, draft, state, again)
    except HintError as error:
        option, _, problem = str(error).partition(": ")
        return state, [Wrong(_field_of(option), problem)]
    except SubmitError as error:
        return state, [Wrong("", str(error))]
    with context.engine.begin() as connection:
        # Meanwhile it may be said how to read the file otherwise; then this is of no use.
        drafts.keep_state(connection, draft, state.as_bytes(), unless_changed=True)
    if state.check is not None and not state.check.faults_total:
        try:
            keep_map(state, context.settings)
        except HintError as error:
            return state, [Wrong(KEEP_AS, str(error).partition(": ")[2])]
    return state, []


def _field_of(option: str) -> str:
    """The field of the page that an option's fault belongs to."""
    return {"map-as": "map_as", "region": "region", "sheet": "sheet"}.get(option, "columns")


def _checked(context: Context, draft: Draft, state: State, hints: Hints) -> State:
    known = context.known()
    reach = known.destinations(Kind(state.given["kind"]), ()).reach.fields
    reading = Reading(hints, bounds_of(context.settings), Noticed(as_of=known.as_of))
    file, days = DraftFile(context.engine, draft), context.settings.suppression_days

    def are_erased(people: Sequence[Identifiers]) -> list[bool]:
        # The file is read by other connections of the same pool, so none is kept meanwhile.
        with one_by_one(context.engine) as connection:
            return [one is not None for one in suppression.erasures_of(connection, people, days)]

    found = check(file, reading, reach, Prints(known.prints), known.names, are_erased=are_erased)
    return State(state.given, found.header, found)
