module offramp.example/client

go 1.19
