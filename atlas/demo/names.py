"""Names of people, from Faker's Indonesian ones, and numbers that nobody has."""

from __future__ import annotations

from atlas.errors import ConfigurationError
from atlas.extras import how_to_install


class Names:
    """Invented people. The same seed gives the same ones, with the same version of Faker."""

    def __init__(self, seed: int) -> None:
        try:
            from faker import Faker
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"The demo takes its names from Faker. Install it with: {how_to_install('explore')}"
            ) from error
        self._faker = Faker("id_ID")
        self._faker.seed_instance(seed)
        self._count = 0

    def first(self, gender: str) -> str:
        """Return a given name; ``gender`` is that of ``db_person``."""
        name: str = (
            self._faker.first_name_male() if gender == "Male" else self._faker.first_name_female()
        )
        return name

    def last(self) -> str:
        """Return a family name."""
        name: str = self._faker.last_name_male()
        return name

    def street(self) -> str:
        """Return a street and a number."""
        name: str = self._faker.street_address()
        return name

    def company(self) -> str:
        """Return the name of a company."""
        name: str = self._faker.company()
        return name

    def phone(self) -> str:
        """Return a mobile number in E.164, one digit too long to be anybody's."""
        self._count += 1
        return f"+6281200{self._count:08}"

    def nik(self) -> str:
        """Return 16 digits in the form of a NIK, of an area 99 that does not exist."""
        self._count += 1
        return f"99{self._count:014}"
