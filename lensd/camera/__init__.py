"""Where frames come from: webcams, video files, pictures, the demo; and their way into a picture."""
