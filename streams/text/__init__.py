"""What an article's words are: language, folding, tokens with offsets. Pure, and knows nothing of articles."""
