"""The driver of arms with DYNAMIXEL servos on one serial bus."""
