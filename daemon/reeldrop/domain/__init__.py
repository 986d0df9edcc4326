"""The hearth: values and rules of Reeldrop, standard library only, no clock, no chance, no I/O."""
