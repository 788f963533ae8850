"""Ask0 as one package. The rooms are the folders beside this one, linked here."""
