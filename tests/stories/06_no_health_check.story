# A backend without a health check is up, with code static, while nobody pauses or disables it.

check web interval=2s rise=2 fall=3
backend s1 10.0.0.1
backend s2 10.0.0.2 disabled
frontend www 192.0.2.1 primary: s1=10 s2=20

start
         expect told s1 unknown -> up static www 0->10
         expect told s2 unknown -> disabled disabled www 0->0
         expect s1 up h=none every=never
         expect www up s1=10 s2=0
t=1s     operator pause s1
         expect told s1 up -> paused paused by alice www 10->0
t=2s     operator resume s1
         expect told s1 paused -> up static by alice www 0->10
t=3s     operator enable s2
         expect told s2 disabled -> up static by alice www 0->20
         expect forgotten s2 enabled

# A reload that gives it a check keeps it up with a full counter: no weight moves before the check has failed.
backend s1 10.0.0.1 check=web
t=4s     reload
         expect told nothing
         expect s1 up h=4/4 every=2s
         expect www up s1=10 s2=20
t=5s     probe s1 L4CON
         probe s1 L4CON
         expect s1 up h=2/4
         probe s1 L4CON
         expect told s1 up -> down L4CON www 10->0 flush

# Taking the check away makes it up again.
backend s1 10.0.0.1
t=6s     reload
         expect told s1 down -> up static by alice www 0->10
         expect s1 up h=none every=never
