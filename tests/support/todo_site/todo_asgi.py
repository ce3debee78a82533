"""What an ASGI server serves of the Django site that django-todo asks for."""

from django.core.asgi import get_asgi_application

application = get_asgi_application()
