"""Process devices on a Modbus RTU line: frames, the link, and values by the name of their channel."""
