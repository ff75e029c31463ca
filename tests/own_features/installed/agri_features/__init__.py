"""A package of a data team: two features and one level, declared as those of decrochage_risk are."""
