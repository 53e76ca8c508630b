def test_x(sign_in):
    import time
    t=time.time()
    r = sign_in("alice", "2025-03-03 10:00").get("/")
    assert r.status_code == 200
    print(time.time()-t)
