module chat-auth/chatauth

go 1.22
