"""Who answers the questions of an evaluation; each engine loads its libraries when it is used."""
