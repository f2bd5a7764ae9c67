"""What tests share: repositories, servers, assertions."""
