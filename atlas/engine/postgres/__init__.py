"""The PostgreSQL engine, on asyncpg."""
