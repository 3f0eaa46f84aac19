"""What the Insider adapter is made of: settings, identifiers, profiles, answers."""
