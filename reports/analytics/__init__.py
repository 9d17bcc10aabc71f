"""From the frames of the read side to typed results of the measures. Pure: values in, values out."""
