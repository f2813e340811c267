"""Areas: pages about the installation, each of which is data that one template renders, with the forms of its actions."""
