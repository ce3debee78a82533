"""The routes of the Django site that django-todo asks for."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("todo/", include("todo.urls", namespace="todo")),
]
