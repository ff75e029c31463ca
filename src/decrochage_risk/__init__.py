"""Early, calibrated and explained view of the risk of leaving school without a diploma."""
