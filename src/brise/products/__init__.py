"""What we publish: pure functions of tables, cubes and a model."""
