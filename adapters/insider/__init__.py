"""The parts of Insider's adapter: settings, identifiers, profiles, answers."""
