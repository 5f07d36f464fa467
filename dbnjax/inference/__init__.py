"""What a trained net is asked: classes, images, completions, features."""
