"""The doctor: a database in, what is or will be wrong with it out, each with what to do.

It looks at the files, the library and the server, where ``check`` looks at the schema. It reads
only, and repairs nothing. Knows no table.
"""

from atlas.doctor.finding import Diagnosis, Finding
from atlas.doctor.look import look

__all__ = ["Diagnosis", "Finding", "look"]
