"""What a WSGI server serves of the Django site that django-todo asks for."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
