"""Found an estate: the files of an invented container port for any number of people, as a repository has them."""
