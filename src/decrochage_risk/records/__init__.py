"""The records of pupils: tables, their checks, reading, and the only cut in time."""
