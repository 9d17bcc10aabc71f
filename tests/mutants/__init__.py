"""Mutations: faults put into a copy of the program on purpose, each of which must turn the tests red."""
