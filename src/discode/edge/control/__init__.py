"""Commands carried out: the services, and HAProxy brought to what they say."""
