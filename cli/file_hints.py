"""How to read a file of people, from the options and settings."""

from cli.file_options import Given
from cli.given import unusable
from config.data_folder import ForeignFolderError, check_ours
from config.settings import Settings
from intake.exit_codes import note
from intake.files import saved_maps
from intake.files.hints import HintError, Hints, read_hints
from intake.files.reading import Bounds
from intake.files.saved_maps import Kept


def hints_of(given: Given, settings: Settings) -> Hints:
    """Raises CommandError."""
    said = Kept(given.maps or [], given.ignore or [], bool(given.ignore_others))
    try:
        if given.map_as is not None:
            check_ours(settings.data_dir)
            if not any(said):
                said = saved_maps.load(settings.data_dir, given.map_as)
        region = given.region or settings.phone_region
        return read_hints(said.maps, said.ignored, region, given.sheet, others_ignored=said.others_ignored)
    except (HintError, ForeignFolderError) as error:
        raise unusable(f"--{error}" if isinstance(error, HintError) else str(error)) from None


def keep(given: Given, hints: Hints, settings: Settings) -> None:
    """Keep what was said of the columns, where it is said under which name; the file has been read by it. Raises
    CommandError."""
    if given.map_as is not None and (given.maps or given.ignore or given.ignore_others):
        try:
            saved_maps.save(settings.data_dir, given.map_as, hints)
        except HintError as error:
            raise unusable(f"--{error}") from None
        note(f"kept for the next file: --map-as {given.map_as}")


def bounds_of(settings: Settings) -> Bounds:
    """How large a file may become in reading."""
    return Bounds(settings.upload_max_bytes, settings.max_workbook_bytes)
