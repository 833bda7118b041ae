"""What is told of secrets without their values: records, names, references."""
