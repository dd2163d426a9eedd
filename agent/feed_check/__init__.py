"""Finding feeds, trying them out and telling how they do: what the commands `rasad feeds …` are made of."""
